/**
 * A figure anywhere on a page, without a kernel: the composition that Python made, kept as `figures.json`,
 * fed over websockets.
 */

import type {
  DOMWidgetModel,
  DOMWidgetView,
  IClassicComm,
  WidgetModel,
  WidgetView
} from '@jupyter-widgets/base';
import type { Widget } from '@lumino/widgets';

import { ReceiverComm, type OpenStream } from '../connect/comm';
import type { Hello, State } from '../connect/framesocket';
import { AnyModel } from './afm';
import figures from './figures.json';
import { FigureManager, type LoadModule, type ModelState } from './manager';
import { loadModule } from './modules';

/** What is known of a figure without making it. */
export interface FigureInfo {
  readonly name: string;
  readonly title: string;
  /** What shows it in a cell: a name of the Python package. */
  readonly python: string;
}

interface Kept extends FigureInfo {
  readonly root: string;
  readonly models: Readonly<Record<string, ModelState>>;
}

const KEPT = figures as unknown as readonly Kept[];

/** Every figure. */
export const FIGURES: readonly FigureInfo[] = KEPT;

export interface Hosting {
  readonly name: string;
  readonly open: OpenStream;
  onHello?(hello: Hello): void;
  onState?(state: State): void;
  /** Where the classes come from; JupyterLab's page by default. */
  readonly load?: LoadModule;
}

export class HostedFigure {
  private readonly manager: FigureManager;
  private readonly comms = new Map<string, ReceiverComm>();
  private models = new Map<string, WidgetModel>();
  private view: DOMWidgetView | null = null;
  private disposed = false;
  private looked = false;
  private ready = false;

  constructor(private readonly hosting: Hosting) {
    this.manager = new FigureManager(hosting.load ?? loadModule);
  }

  /**
   * Make models and a view.
   *
   * @returns the view's widget, to be put into a layout; null when the figure was disposed of meanwhile.
   */
  async make(): Promise<Widget | null> {
    const kept = KEPT.find(({ name }) => name === this.hosting.name);
    if (!kept) {
      throw new Error(`dasklens has no figure "${this.hosting.name}".`);
    }
    this.models = await this.manager.make(kept.models, (id, model) => this.commOf(id, model));
    // What comes before they listen would be lost.
    await Promise.all([...this.models.values()].map(model => model instanceof AnyModel && model.part));
    const root = this.models.get(kept.root) as DOMWidgetModel;
    if (this.disposed) {
      await this.manager.clear_state();
      return null;
    }
    this.view = await this.manager.create_view(root);
    if (this.disposed) {
      this.view.remove();
      await this.manager.clear_state();
      return null;
    }
    this.ready = true;
    this.look(this.looked);
    return this.view.luminoWidget;
  }

  /** The models that are fed. */
  get receivers(): WidgetModel[] {
    return [...this.comms.keys()].flatMap(id => this.models.get(id) ?? []);
  }

  /** Set a trait of every receiver of a stream that has it. */
  set(stream: string, trait: string, value: unknown): void {
    for (const model of this.receivers) {
      // Not `has`: a trait may be null so far.
      if (trait in model.attributes && (model.get('streams') as string[]).includes(stream)) {
        model.set(trait, value);
      }
    }
  }

  /** Call `act` with whatever a trait of a receiver is set to, by whomever. */
  heed(trait: string, act: (value: unknown) => void): void {
    for (const model of this.receivers) {
      if (model.has(trait)) {
        model.on(`change:${trait}`, () => act(model.get(trait)));
      }
    }
  }

  look(looked: boolean): void {
    this.looked = looked;
    if (this.ready) {
      this.comms.forEach(comm => comm.look(looked));
    }
  }

  hold(reason: string): void {
    this.comms.forEach(comm => comm.hold(reason));
  }

  finish(reason: string): void {
    this.comms.forEach(comm => comm.finish(reason));
  }

  again(): void {
    this.comms.forEach(comm => comm.again());
  }

  dispose(): void {
    if (this.disposed) {
      return;
    }
    this.disposed = true;
    this.comms.forEach(comm => comm.close());
    const { view } = this;
    if (view) {
      // Off the page at once; but parts that are still being made would stay if their view were gone by then.
      view.luminoWidget.parent = null;
      void settled(view).finally(() => {
        view.luminoWidget.dispose();
        void this.manager.clear_state();
      });
    }
  }

  private commOf(id: string, { state }: ModelState): IClassicComm | undefined {
    const streams = state.streams as string[] | undefined;
    if (!streams) {
      return undefined;
    }
    const comm = new ReceiverComm(id, streams, this.hosting.open);
    comm.onHello = hello => this.hosting.onHello?.(hello);
    comm.onState = state => this.hosting.onState?.(state);
    this.comms.set(id, comm);
    return comm as unknown as IClassicComm;
  }
}

interface Views {
  readonly views: readonly Promise<WidgetView>[];
}

/** Views within a view: of boxes, and of bqplot's figures. */
type Nesting = Partial<Record<'children_views' | 'mark_views' | 'axis_views', Views | null>>;

/** Resolves when everything in a view has been made. */
async function settled(view: WidgetView): Promise<void> {
  const { children_views, mark_views, axis_views } = view as WidgetView & Nesting;
  for (const list of [children_views, mark_views, axis_views]) {
    const made = await Promise.allSettled(list?.views ?? []);
    await Promise.all(made.map(each => (each.status === 'fulfilled' ? settled(each.value) : undefined)));
  }
}
