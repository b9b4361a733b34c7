import hello from './lab/hello';
import widgets from './lab/widgets';

export default [hello, widgets];
