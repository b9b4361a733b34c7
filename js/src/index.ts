import hello from './lab/hello';
import views from './lab/views';
import widgets from './lab/widgets';

export default [hello, views, widgets];
