// tsc writes lib/ beside src/, so this path is the same from both: the one place of the version.
declare module '*/package.json' {
  export const version: string;
}
