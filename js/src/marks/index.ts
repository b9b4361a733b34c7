/** Everything that a kernel's widgets of module `dasklens` can ask for. */

export { FlameModel, Spans, SpansModel } from './spans';
export { PresenceModel } from './presence';
export { LaneAxis, LaneAxisModel, TimeAxis, TimeAxisModel } from './axes';
