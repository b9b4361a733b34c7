import figures from './lab/figures';
import hello from './lab/hello';
import hub from './lab/hub';
import layouts from './lab/layouts';
import pages from './lab/pages';
import panel from './lab/panel';
import recordings from './lab/recordcommands';
import reports from './lab/reportviewer';
import settings from './lab/settings';
import status from './lab/status';
import views from './lab/views';
import widgets from './lab/widgets';

export default [
  hello,
  views,
  widgets,
  hub,
  settings,
  panel,
  figures,
  pages,
  layouts,
  status,
  reports,
  recordings
];
