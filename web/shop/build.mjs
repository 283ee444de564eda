// Writes the shop's pages to dist/: plain HTML, one file for each lamp and each page of help.

import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { picture, sign } from './art.mjs';
import { HELP, PRODUCTS } from './products.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const euro = (price) => `€${price}`;

function page({ title, body, current = '' }) {
  const link = (href, text) => `<a href="${href}"${href === current ? ' aria-current="page"' : ''}>${text}</a>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Lumora</title>
<link rel="icon" href="sign.svg" type="image/svg+xml">
<link rel="stylesheet" href="shop.css">
</head>
<body>
<header class="top">
<a class="sign" href="./">${sign}<span>Lumora</span></a>
<nav aria-label="Shop">${link('./', 'Lamps')}${HELP.map(({ id, title: text }) => link(`${id}.html`, text)).join('')}</nav>
<p class="cart" aria-live="polite"><span id="cart-count">0</span> in the cart</p>
</header>
<main>
${body}
</main>
<footer><p>Lumora is the demo shop of SupportBase Handoff. Nothing here is for sale; the chat is real.</p>
<p><a href="../dashboard/">Open the agents’ dashboard</a></p></footer>
<script type="module" src="shop.js"></script>
</body>
</html>
`;
}

const card = ({ id, name, kind, price }) => `<li><a class="card" href="${id}.html">
<span class="picture">${picture(id, `card-${id}`)}</span>
<span class="line"><b>${name}</b><span>${euro(price)}</span></span><span class="kind">${kind}</span></a></li>`;

const home = page({
  title: 'Lamps made slowly',
  current: './',
  body: `<section class="hero"><div><h1>Light that lets<br>you stay a while.</h1>
<p>Six lamps, made one by one in a workshop by the sea. Questions? The chat in the corner knows every screw, and the people behind it too.</p>
<a class="button" href="#lamps">See the lamps</a></div><div class="picture">${picture('noor', 'hero')}</div></section>
<h2 id="lamps">Our lamps</h2><ul class="grid">${PRODUCTS.map(card).join('\n')}</ul>`,
});

const product = (lamp) =>
  page({
    title: lamp.name,
    body: `<article class="product"><div class="picture">${picture(lamp.id, 'main')}</div><div>
<p class="kind">${lamp.kind} · ${lamp.colour}</p><h1>${lamp.name}</h1><p class="price">${euro(lamp.price)}</p><p class="text">${lamp.text}</p>
<ul class="facts">${lamp.facts.map((fact) => `<li>${fact}</li>`).join('')}</ul>
<p class="actions"><button class="button" type="button" data-add="${lamp.id}">Add to the cart</button>
<button class="button quiet" type="button" data-ask="I have a question about ${lamp.name}">Ask about ${lamp.name}</button></p>
<p class="promise">Free delivery · 60 days to return · five years of guarantee</p></div></article>
<h2>You may also like</h2><ul class="grid three">${PRODUCTS.filter(({ id }) => id !== lamp.id)
      .slice(0, 3)
      .map(card)
      .join('\n')}</ul>`,
  });

const help = ({ id, title, text }) =>
  page({
    title,
    current: `${id}.html`,
    body: `<article class="help"><h1>${title}</h1>${text.map((line) => `<p>${line}</p>`).join('')}
<p><button class="button" type="button" data-ask="">Ask in the chat</button></p></article>`,
  });

await rm(here('dist'), { recursive: true, force: true });
await mkdir(here('dist'), { recursive: true });
await writeFile(here('dist/index.html'), home);
for (const lamp of PRODUCTS) await writeFile(here(`dist/${lamp.id}.html`), product(lamp));
for (const topic of HELP) await writeFile(here(`dist/${topic.id}.html`), help(topic));
await writeFile(here('dist/sign.svg'), sign.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" '));
for (const file of ['shop.css', 'shop.js']) await cp(here(file), here(`dist/${file}`));
