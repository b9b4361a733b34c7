// Packages of the page whose classes are only handed on: nothing is known of them here.
declare module '@jupyter-widgets/controls';
declare module 'bqscales';
