/** Whether anybody can see something: the page is in front, and the element is on it. */

/** Call `act` with whether the page is in front, now and at every change; returns how to stop. */
export function onPageShown(act: (shown: boolean) => void): () => void {
  const tell = (): void => act(!document.hidden);
  document.addEventListener('visibilitychange', tell);
  tell();
  return () => document.removeEventListener('visibilitychange', tell);
}

/** Call `act` with whether an element can be seen, whenever that changes; returns how to stop. */
export function onSeen(element: Element, act: (seen: boolean) => void): () => void {
  let onScreen = false;
  let pageShown = true;
  let seen = false;
  const tell = (): void => {
    if (seen !== (onScreen && pageShown)) {
      seen = !seen;
      act(seen);
    }
  };
  const observer = new IntersectionObserver(entries => {
    onScreen = entries[entries.length - 1].isIntersecting;
    tell();
  });
  observer.observe(element);
  const stopPage = onPageShown(shown => {
    pageShown = shown;
    tell();
  });
  return () => {
    observer.disconnect();
    stopPage();
  };
}
