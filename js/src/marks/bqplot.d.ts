/**
 * The few classes of bqplot 0.13 (JavaScript 0.6) that the marks build on. The package on the
 * registry is older and the one that people install carries no types, so they are said here; at run
 * time the page's own copy is used, never one bundled with us.
 */
declare module 'bqplot' {
  import type {
    Dict,
    ISerializers,
    ViewList,
    WidgetModel,
    WidgetView,
    DOMWidgetView
  } from '@jupyter-widgets/base';

  /** A linear d3 scale. */
  interface LinearMap {
    (value: number): number;
    invert(pixel: number): number;
    domain(): number[];
    range(): number[];
  }

  interface Scale extends WidgetView {
    readonly scale: LinearMap;
    setRange(range: [number, number]): void;
  }

  /** The calls on a d3 selection that we make. */
  export interface Selection {
    attr(name: string, value: string | number | null | ((datum: number) => number)): Selection;
    style(name: string, value: string | number | null): Selection;
    classed(name: string, value: boolean): Selection;
    selectAll(selector: string): Selection;
    call(f: unknown): Selection;
    node(): SVGGraphicsElement;
  }

  interface D3Axis {
    tickValues(values: number[]): D3Axis;
    tickFormat(format: (value: number, index: number) => string): D3Axis;
    tickSizeInner(size: number): D3Axis;
    tickSizeOuter(size: number): D3Axis;
  }

  export class MarkModel extends WidgetModel {
    static serializers: ISerializers;
    getScales(): Dict<WidgetModel>;
    update_domains(): void;
    update_data(): void;
  }

  export abstract class Mark extends WidgetView {
    parent: Figure;
    scales: { x: Scale; y: Scale };
    xPadding: number;
    yPadding: number;
    event_listeners: Record<string, (...args: unknown[]) => void>;
    override render(): PromiseLike<unknown>;
    abstract draw(animate?: boolean): void;
    abstract set_ranges(): void;
    abstract clear_style(style: unknown, indices?: unknown): void;
    abstract set_default_style(indices: unknown): void;
    abstract set_style_on_elements(style: unknown, indices: unknown): void;
    abstract relayout(): void;
    abstract compute_view_padding(): void;
    set_positional_scales(): void;
    create_listeners(): void;
  }

  export class Figure extends DOMWidgetView {
    webGLCanvas: HTMLCanvasElement;
    svg: Selection;
    svg_background: Selection;
    mark_views: ViewList<Mark>;
    relayoutHooks: Dict<() => void>;
    renderHooks: Dict<() => void>;
    readonly autoLayout: boolean;
    /** Left of the plot in the figure, with `autoLayout`. */
    readonly offsetX: number;
    should_relayout: boolean;
    relayoutRequested: boolean;
    relayoutImpl(): void;
    relayout(): void;
    debouncedRelayout(): void;
    readonly plotareaWidth: number;
    readonly plotareaHeight: number;
    padded_range(direction: 'x' | 'y', scale: WidgetModel): [number, number];
  }

  export class AxisModel extends WidgetModel {
    static serializers: ISerializers;
  }

  export class Axis extends WidgetView {
    parent: Figure;
    axis: D3Axis;
    axis_scale: Scale;
    g_axisline: Selection | undefined;
    readonly width: number;
    readonly height: number;
    override render(): Promise<unknown>;
    create_listeners(): void;
    set_tick_values(animate?: boolean): void;
    tickformat_changed(): void;
    generate_default_tick_formatter(): (value: number, index?: number) => string;
    apply_tick_styling(): void;
    update_grid_lines(animate?: boolean): void;
    update_scales(): void;
    redraw_axisline(): void;
    calculateAutoSize(): number;
  }
}
