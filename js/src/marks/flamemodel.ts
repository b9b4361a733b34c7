/**
 * The model of a flame graph: the call tree that came last, laid out as the trait `view` says, and
 * which frame of it fills the width (`zoom`).
 *
 * Events besides those of RowsModel: `search:change`.
 */

import type { ISerializers } from '@jupyter-widgets/base';
import { MarkModel } from 'bqplot';

import { CallTree } from '../core/calltree';
import { questionOf, whyEmpty, type Kind, type Narrowed } from '../core/covered';
import { Flame } from '../core/flame';
import { thousands } from '../core/format';
import { functionsOf, type FunctionRow } from '../core/functions';
import { invert } from '../core/invert';
import { wellFormed } from '../core/keys';
import { search, type Found } from '../core/search';
import { Row } from '../core/spantable';
import type { Range } from '../core/viewport';
import type { Picture } from '../draw/geometry';
import type { Hit } from '../draw/hit';
import type { Lanes } from '../draw/raster';
import type { Content, Fed, Phase } from './content';
import { bytesAlone } from './exchange';
import { FlameShown } from './flameshown';
import { actionOfFlame, FLAME_KEYS } from './flamekeys';
import { describeFlame, flat, frameOf, linesOf, percent, points, type HoveredFrame } from '../core/frametext';
import { outlineFrame } from './overlay';
import { RowsModel } from './rowsmodel';
import type { Theme } from './theme';

export type View = 'tree' | 'inverted' | 'table';

const EMPTY_ROW = new Row();
const NOTHING: Content = new Flame(
  {
    n: 1,
    parent: Uint32Array.of(0xffffffff),
    fn: new Uint32Array(1),
    total: new Float64Array(1),
    before: null,
    origin: new Uint32Array(1)
  },
  [{ name: '', file: '', line: 0, library: '', id: '' }]
);

export class FlameModel extends RowsModel<HoveredFrame> {
  /** The tree that came last. */
  declare tree: CallTree | null;
  /** How it is laid out. */
  declare flame: Flame | null;
  /** What is searched for, and the share of all samples that matches. */
  declare found: Found | null;
  declare foundShare: number;
  declare private table: FunctionRow[] | null;
  declare private flameShown: FlameShown;
  /** Numbers of the nodes that the traits `zoom` and `selected` name. */
  declare zoomed: number;
  declare picked: number;

  static override serializers: ISerializers = {
    ...MarkModel.serializers,
    selected: { deserialize: (value: unknown) => value, serialize: wellFormed },
    zoom: { serialize: wellFormed },
    highlight: { serialize: wellFormed },
    search: { serialize: wellFormed },
    snapshot: { deserialize: (value: unknown) => value, serialize: bytesAlone }
  };

  override defaults(): Record<string, unknown> {
    return {
      ...this.ownDefaults('FlameModel'),
      streams: ['profile'],
      view: 'tree',
      kind: 'worker',
      zoom: [],
      search: '',
      workers: []
    };
  }

  override initialize(attributes: Record<string, unknown>, options: never): void {
    super.initialize(attributes, options);
    this.on('change:view', this.onView, this);
    this.on('change:kind change:highlight change:workers change:interval', () =>
      this.exchange.askAbout(questionOf(this.get('kind') as Kind, this.narrowed))
    );
    this.on('change:search', this.onSearch, this);
    this.on('change:zoom', () => this.goTo(this.find('zoom')));
    this.on('change:selected', () => (this.picked = this.find('selected')));
  }

  protected override begin(): FlameShown {
    Object.assign(this, {
      tree: null,
      flame: null,
      found: null,
      foundShare: 0,
      table: null,
      zoomed: 0,
      picked: -1
    });
    const shown = new FlameShown(
      () => this.content,
      axis => this.getScales()?.[axis],
      () => [...this.shownBy].find(view => view.isVisible())?.plotHeight() ?? 0
    );
    Object.assign(this, { flameShown: shown });
    return shown;
  }

  // --- data -------------------------------------------------------------------------------------

  override get content(): Content {
    return this.flame ?? NOTHING;
  }

  override rows(): Lanes {
    const { lanes, kinds, table } = this.content;
    return {
      length: lanes.length,
      kinds,
      compute: (depth): Row => table.rows[depth] ?? EMPTY_ROW,
      strip: (): Row => EMPTY_ROW
    };
  }

  /** Every function with its samples; made when first asked for. */
  functions(): FunctionRow[] {
    return (this.table ??= this.tree ? functionsOf(new Flame(this.tree, this.tree.functions)) : []);
  }

  get view(): View {
    return this.get('view') as View;
  }

  get narrowed(): Narrowed {
    return {
      highlight: (this.get('highlight') as string[] | null) ?? [],
      workers: (this.get('workers') as string[] | null) ?? [],
      interval: (this.get('interval') as [number, number] | null) ?? null
    };
  }

  protected override take(buffer: ArrayBuffer | Uint8Array | DataView): Fed {
    const tree = CallTree.read(buffer);
    if (tree.id === this.tree?.id) {
      return { kind: 'duplicate', lanesChanged: false };
    }
    this.tree = tree;
    this.build();
    return { kind: 'appended', lanesChanged: true };
  }

  protected override get stream(): string {
    return 'profile';
  }

  protected override ask(): void {
    this.exchange.ask(0, 0, '');
  }

  /** Lay the tree out anew, and stay where it was looked at. */
  private build(): void {
    const { tree, flame } = this;
    const [from, to] = this.time;
    const old = flame ? [flame.start[this.zoomed], flame.wide[this.zoomed]] : [0, 0];
    this.table = null;
    this.flame = tree && new Flame(this.view === 'inverted' ? invert(tree) : tree, tree.functions);
    this.light();
    this.zoomed = this.find('zoom');
    this.picked = this.find('selected');
    const { start, wide } = this.flame ?? { start: [0], wide: [0] };
    const [at, long] = [start[Math.max(0, this.zoomed)], wide[Math.max(0, this.zoomed)]];
    const part = (x: number): number => (old[1] > 0 ? (x - old[0]) / old[1] : x === to ? 1 : 0);
    this.flameShown.stay([at + part(from) * long, at + part(to) * long]);
    this.dataChanged = true;
    this.wake();
  }

  private onView(): void {
    this.flameShown.release('x', 'y');
    this.keep({ zoom: [], selected: null });
    this.build();
    this.flameShown.stay(this.flameShown.everything());
    this.lanesChanged = true;
    this.describeSoon();
  }

  private describeSoon(): void {
    this.trigger('draw:soon');
  }

  /** Have the profile read anew, if there is somebody to read it. */
  refresh(): void {
    this.exchange.answered();
    this.exchange.ask(0, 0, '', true);
  }

  // --- search -----------------------------------------------------------------------------------

  private onSearch(): void {
    this.light();
    this.wake();
    this.trigger('draw:soon');
  }

  private light(): void {
    const text = String(this.get('search') ?? '');
    this.found = this.tree && text ? search(this.tree.functions, text) : null;
    this.foundShare = this.flame?.light(this.found?.wanted ?? null) ?? 0;
    this.trigger('search:change');
  }

  // --- what the user does -------------------------------------------------------------------------

  override readonly title = `Flame graph. ${FLAME_KEYS}`;
  override readonly brushes = false;
  override readonly edged = true;

  override get plotted(): boolean {
    return this.view !== 'table' || !this.tree || this.content.nRecords === 0;
  }

  override keyAction(key: string): (() => void) | undefined {
    return actionOfFlame(key, this);
  }

  override doubleClick(): void {
    // The first of the two clicks has zoomed.
  }

  override zoomReset(): void {
    this.zoomTo(0);
  }

  /** Alt and the wheel go up and down: rows have one height. */
  override zoomLanes(factor: number): void {
    const [top, bottom] = this.lanesShown;
    this.showLanes([top + 4 * Math.log(factor) * 2, bottom + 4 * Math.log(factor) * 2]);
  }

  override showTime(range: Range): void {
    this.flameShown.stop();
    super.showTime(this.flameShown.inside(range));
  }

  /** Have a frame fill the width; the root is all. */
  zoomTo(node: number): void {
    const { flame } = this;
    if (flame) {
      this.zoomed = node;
      this.keep({ zoom: flame.idsOf(node) });
      this.goTo(node);
    }
  }

  private goTo(node: number): void {
    const { flame } = this;
    if (flame && node >= 0) {
      this.zoomed = node;
      this.flameShown.goTo([flame.start[node], flame.start[node] + flame.wide[node]], flame.depth[node]);
      this.trigger('zoom:change');
      this.wake();
    }
  }

  /**
   * Show who calls a function: the inverted tree, zoomed to it. One without samples of its own is not
   * in there; it is shown where most of its samples are.
   */
  showCallers(fn: number): void {
    const { tree } = this;
    if (tree && tree.functions[fn]) {
      const own = this.functions().find(row => row.fn === fn)?.own ?? 0;
      this.keep({ view: own > 0 ? 'inverted' : 'tree' });
      const { nodes, wide } = this.flame as Flame;
      let widest = 0;
      for (let node = 1; node < nodes.n; node++) {
        if (nodes.fn[node] === fn && (widest === 0 || wide[node] > wide[widest])) {
          widest = node;
        }
      }
      this.zoomTo(own > 0 ? (this.flame as Flame).find([tree.functions[fn].id]) : widest);
    }
  }

  protected override step(seconds: number, data: boolean): boolean {
    const again = super.step(seconds, data);
    return this.flameShown.step(seconds) || again;
  }

  /** The node that a trait names; -1 if none is selected. */
  private find(trait: 'zoom' | 'selected'): number {
    const { flame } = this;
    const value: unknown = this.get(trait);
    const ids = trait === 'zoom' ? value : (value as { ids?: unknown } | null)?.ids;
    if (!flame || !Array.isArray(ids)) {
      return trait === 'zoom' ? 0 : -1;
    }
    const node = flame.find(ids as string[]);
    return trait === 'selected' && flame.depth[node] !== ids.length ? -1 : node;
  }

  /** What there is to say of a node. */
  facts(node: number): HoveredFrame | null {
    return this.flame && this.tree && node >= 0 ? frameOf(this.flame, this.tree, node) : null;
  }

  override at({ row, index, lane }: Hit, [from, to]: Range): HoveredFrame {
    const flame = this.flame as Flame;
    const frame = this.facts(row.record[index]) as HoveredFrame;
    if (flame.wide[frame.node] > to - from) {
      return frame;
    }
    const { count, wide } = flame.between(lane, from, to);
    return count > 1 ? { ...frame, together: { count, share: wide / flame.width } } : frame;
  }

  protected override idOf(frame: HoveredFrame): string {
    return String(frame.node);
  }

  override linesOf(frame: HoveredFrame): string[] {
    return linesOf(frame);
  }

  /** A click selects a frame and has it fill the width. */
  override select(frame: HoveredFrame | null): void {
    if (frame) {
      this.choose(frame.node);
      this.zoomTo(frame.node);
    }
  }

  /** Select a frame, and leave the picture where it is. */
  choose(node: number): void {
    const frame = this.facts(node);
    if (!frame || !this.flame) {
      this.keep({ selected: null });
      return;
    }
    const { name, file, line, source, library, samples, own, seconds, share, parentShare, path } = frame;
    this.keep({
      selected: {
        ...{ name, file, line, source, library, samples, own, share, path },
        seconds: Number.isFinite(seconds) ? seconds : null,
        parent_share: parentShare,
        ids: this.flame.idsOf(node)
      }
    });
    this.picked = node;
    this.trigger('draw:soon');
  }

  override label(row: Row, index: number): string {
    const flame = this.flame as Flame;
    const node = row.record[index];
    if (node === 0) {
      const { samples } = flame;
      return flame.compared ? 'all' : `all: ${thousands(samples)} samples`;
    }
    const name = flat(flame.functionOf(node).name);
    if (flame.compared) {
      const change = flame.change(node);
      return Math.abs(change) < 5e-4 ? name : `${points(change)} ${name}`;
    }
    return name;
  }

  override drawOver(context: CanvasRenderingContext2D, picture: Picture, theme: Theme): void {
    const { flame, picked } = this;
    if (flame && picked >= 0) {
      const { start, wide, depth } = flame;
      outlineFrame(context, picture, start[picked], start[picked] + wide[picked], depth[picked], theme);
    }
  }

  override emptyText(): string {
    return whyEmpty(this.tree, this.narrowed, this.get('phase') as Phase);
  }

  override describe(): string {
    return this.flame && this.tree && this.content.nRecords > 0
      ? describeFlame(this.flame, this.tree, this.view, Math.max(0, this.zoomed))
      : `Flame graph. ${this.emptyText()}`;
  }

  /** Share that matches the search, in words; empty without one. */
  get foundText(): string {
    const { found, foundShare } = this;
    if (!found) {
      return '';
    }
    const what = found.problem ? `as text (${found.problem}): ` : '';
    return found.count === 0 ? `${what}no match` : `${what}${percent(foundShare)} of all samples match`;
  }
}
