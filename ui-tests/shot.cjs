const { chromium } = require('@playwright/test');
const [,, file, out, scheme='light', width='1100', height='1600'] = process.argv;
(async () => {
  const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox','--disable-gpu','--disable-background-networking'] });
  const p = await b.newPage({ colorScheme: scheme, viewport: { width: +width, height: 900 } });
  p.on('console', m => ['error','warning'].includes(m.type()) && console.log(m.type(), m.text().slice(0, 400)));
  p.on('pageerror', e => console.log('PAGEERROR', e.message.slice(0, 400), (e.stack||'').slice(0,300)));
  p.on('request', r => /^(file|data|blob)/.test(r.url()) || console.log('REQ', r.url()));
  await p.goto('file://' + file); await p.waitForTimeout(3500);
  console.log(await p.evaluate(() => [...document.querySelectorAll('.dasklens-live')].map(e => e.childElementCount + ':' + e.clientWidth + 'x' + e.clientHeight + ' ' + e.innerText.slice(0, 80).replace(/\n/g,'|')).join('\n')));
  console.log(await p.evaluate(() => document.documentElement.scrollWidth + ' of ' + innerWidth));
  await p.screenshot({ path: out, fullPage: true });
  await b.close();
})();
