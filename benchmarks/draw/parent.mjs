/** End with the process that started us, however it ended: nothing of a benchmark may stay behind. */

export function endWithParent() {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) {
      // Chromium is told over a pipe, and ends when that closes.
      process.exit(1);
    }
  }, 500);
  watch.unref();
}
