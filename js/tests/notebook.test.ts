// @vitest-environment jsdom
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { partOf } from '../src/host/parts';
import { clean } from '../src/notebook/clean';
import { IDS } from '../src/notebook/shared';

function elementsOf(html: string): Element[] {
  const { body } = new DOMParser().parseFromString(clean(html), 'text/html');
  return [...body.querySelectorAll('*')];
}

test('what a widget says stays, with its looks', () => {
  const html = '<table><tr><td colspan="2" style="color: red" class="a">x</td></tr></table><b>b</b>';
  expect(clean(html)).toBe(html);
});

test('drawings stay', () => {
  const [svg, circle] = elementsOf(
    '<svg width="9" viewBox="0 0 9 9"><circle cx="4" fill="red" onclick="x()"></circle></svg>'
  );
  expect(svg.getAttribute('viewBox')).toBe('0 0 9 9');
  expect(circle.getAttributeNames()).toEqual(['cx', 'fill']);
});

test.each([
  '<script>x()</script>',
  '<meta http-equiv="refresh" content="0;url=https://x.org">',
  '<link rel="preconnect" href="https://x.org">',
  '<base href="https://x.org">',
  '<iframe src="https://x.org"></iframe>',
  '<form action="https://x.org"></form>',
  '<object data="x"></object>',
  '<img src="https://x.org/a.png">',
  '<img src="a.png">',
  '<style>p { color: red }</style>'
])('%s goes', html => {
  expect(elementsOf(html)).toEqual([]);
});

test('pictures within it stay', () => {
  expect(clean('<img src="data:image/png;base64,AA" />')).toBe('<img src="data:image/png;base64,AA" />');
});

test('a link may lead somewhere, and never be a script', () => {
  expect(clean('<a href="https://x.org">x</a>')).toBe('<a href="https://x.org">x</a>');
  expect(clean('<a href="javascript:x()">x</a>')).toBe('<a>x</a>');
});

test('no text makes an element that runs or asks', () => {
  const pieces = fc.constantFrom(
    '<',
    '>',
    '"',
    "'",
    '/',
    ' ',
    'script',
    'svg',
    'img',
    'src=',
    'onload=',
    'x',
    'style'
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 25 }), parts => {
      for (const element of elementsOf(parts.join(''))) {
        expect(['SCRIPT', 'IMG', 'STYLE', 'script']).not.toContain(element.tagName);
        expect(element.getAttributeNames().filter(name => name.startsWith('on'))).toEqual([]);
      }
    })
  );
});

test('a part that only differs in Python is there', async () => {
  const same = await partOf('dasklens.widgets.progress._FollowingPart');
  expect(Object.keys(same)).toEqual(Object.keys(await partOf('dasklens.widgets.progress.ProgressPart')));
  await expect(partOf('dasklens.widgets.progress.Unknown')).rejects.toThrow('has no part');
});

test('elements have the names that Python gives them', async () => {
  const { readFileSync } = await import('node:fs');
  const python = readFileSync('../python/dasklens/report/nbpage.py', 'utf8');
  for (const [name, id] of Object.entries(IDS)) {
    expect(id).toBe(`dasklens-${name}`);
    expect(python).toContain(`"${name}"`);
  }
});
