/** Numbers as people read them. */

const DIGITS = 3;

function short(value: number): string {
  return String(Number(value.toPrecision(DIGITS)));
}

/** A whole number with its thousands apart: `12,345`. The first use of Intl takes ten milliseconds. */
export function thousands(n: number): string {
  return Number.isInteger(n) ? String(n).replace(/\B(?=(\d{3})+$)/g, ',') : n.toLocaleString('en');
}

/** A duration in seconds, with three digits: `12 µs`, `3.45 ms`, `1.2 s`, `2 min 5 s`, `3 h 20 min`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) {
    return '?';
  }
  const sign = seconds < 0 ? '-' : '';
  const size = Math.abs(seconds);
  if (size === 0) {
    return '0 s';
  }
  if (size < 0.9995e-3) {
    return `${sign}${short(size * 1e6)} µs`;
  }
  if (size < 0.9995) {
    return `${sign}${short(size * 1e3)} ms`;
  }
  if (size < 59.95) {
    return `${sign}${short(size)} s`;
  }
  const whole = Math.round(size);
  return whole < 3600
    ? `${sign}${pair(Math.floor(whole / 60), 'min', whole % 60, 's')}`
    : `${sign}${pair(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min')}`;
}

function pair(large: number, unit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A size in bytes, in the units that Dask prints. */
export function bytes(size: number | null): string {
  if (size === null || !Number.isFinite(size)) {
    return '?';
  }
  let unit = 0;
  let value = size;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(value < 10 ? 2 : 1)} ${UNITS[unit]}`;
}

/** Instants before this one, of 1973, are no times of a clock: they are counted from the start of their run. */
const FIRST_INSTANT = 1e8;

/** Whether a time is counted from the start of its run, as where two runs are side by side. */
export function isSinceStart(time: number): boolean {
  return Math.abs(time) < FIRST_INSTANT;
}

/**
 * The time of day of an instant in seconds since the epoch, with so many digits behind the second; of a time since
 * the start of its run what a stop watch shows.
 */
export function clock(time: number, digits = 0): string {
  // Rounded to what is shown before it is cut into fields, or 59.9996 would read "59" or "60".
  const scale = 10 ** digits;
  const ticks = Math.round(time * scale);
  if (isSinceStart(time)) {
    return lasted(ticks, digits);
  }
  const whole = Math.floor(ticks / scale);
  const date = new Date(whole * 1000);
  if (Number.isNaN(date.getTime())) {
    return '?';
  }
  const fields = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const text = fields.map(field => String(field).padStart(2, '0')).join(':');
  return digits > 0 ? `${text}.${String(ticks - whole * scale).padStart(digits, '0')}` : text;
}

/** Ticks of a stop watch as `0:05`, `1:30.25`, `2:00:00`. */
function lasted(ticks: number, digits: number): string {
  const scale = 10 ** digits;
  const size = Math.abs(ticks);
  const whole = Math.floor(size / scale);
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const long = hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}` : String(minutes);
  const rest = digits > 0 ? `.${String(size - whole * scale).padStart(digits, '0')}` : '';
  return `${ticks < 0 ? '−' : ''}${long}:${String(seconds).padStart(2, '0')}${rest}`;
}

/** The day of an instant, as `2025-01-31`. */
export function day(time: number): string {
  const date = new Date(time * 1000);
  return [
    date.getFullYear(),
    String(date.getMonth() + 1).padStart(2, '0'),
    String(date.getDate()).padStart(2, '0')
  ].join('-');
}

/** A count with its noun: `1 task`, `1,234 tasks`. */
export function counted(n: number, noun: string): string {
  return `${thousands(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** As a stopwatch shows it: `0:12`, `1:02:03`. */
export function stopwatch(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds) || 0);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (n: number): string => String(n).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
