// The shop's pictures, drawn for it: a wall, a lamp, its light. Attributes alone, no inline styles: the pages' policy forbids them.

/** A scene of 400 x 400 around a lamp. The id keeps the gradients of several pictures on one page apart. */
function scene({ id, wall, floor, light, cx, cy, r = 190, lamp }) {
  return `<svg viewBox="0 0 400 400" role="img" aria-labelledby="${id}-title" preserveAspectRatio="xMidYMid slice">
<title id="${id}-title">${lamp.title}</title>
<defs>
<linearGradient id="${id}-wall" x1="0" y1="0" x2="0.3" y2="1"><stop offset="0" stop-color="${wall[0]}"/><stop offset="1" stop-color="${wall[1]}"/></linearGradient>
<radialGradient id="${id}-light" cx="${cx / 400}" cy="${cy / 400}" r="${r / 400}"><stop offset="0" stop-color="${light}" stop-opacity="0.95"/><stop offset="0.45" stop-color="${light}" stop-opacity="0.35"/><stop offset="1" stop-color="${light}" stop-opacity="0"/></radialGradient>
</defs>
<rect width="400" height="400" fill="url(#${id}-wall)"/>
${floor ? `<rect y="${floor.y}" width="400" height="${400 - floor.y}" fill="${floor.colour}"/>` : ''}
<rect width="400" height="400" fill="url(#${id}-light)"/>
${lamp.shapes}
</svg>`;
}

const ART = {
  luna: (id) =>
    scene({
      id,
      wall: ['#e7ece4', '#cfd9cd'],
      light: '#fff3cf',
      cx: 200,
      cy: 225,
      lamp: {
        title: 'A sage green pendant lamp',
        shapes: `<path d="M200 0v118" stroke="#3d4a3f" stroke-width="3"/><rect x="188" y="112" width="24" height="20" rx="5" fill="#b98a4b"/>
<path d="M96 232a104 104 0 0 1 208 0Z" fill="#87a08a"/><path d="M96 232a104 104 0 0 1 70-98c-26 22-40 56-42 98Z" fill="#9db5a0"/>
<ellipse cx="200" cy="232" rx="104" ry="14" fill="#5f7763"/><ellipse cx="200" cy="233" rx="92" ry="10" fill="#fff6d8"/><circle cx="200" cy="240" r="17" fill="#fffdf2"/>`,
      },
    }),
  sol: (id) =>
    scene({
      id,
      wall: ['#f6ead3', '#ecd9b4'],
      floor: { y: 330, colour: '#b88d5a' },
      light: '#fff7d9',
      cx: 268,
      cy: 230,
      r: 170,
      lamp: {
        title: 'An ochre desk lamp with a turning arm',
        shapes: `<rect x="40" y="304" width="96" height="26" rx="4" fill="#5d7388"/><rect x="50" y="284" width="84" height="20" rx="3" fill="#d8694f"/>
<ellipse cx="176" cy="328" rx="52" ry="9" fill="#8a5f1f"/><ellipse cx="176" cy="323" rx="52" ry="9" fill="#d39a2f"/>
<path d="M176 320 146 206 236 128" fill="none" stroke="#d39a2f" stroke-width="9" stroke-linejoin="round" stroke-linecap="round"/>
<circle cx="146" cy="206" r="9" fill="#8a5f1f"/><circle cx="236" cy="128" r="8" fill="#8a5f1f"/>
<path d="m222 118 34-16 54 78-92 22Z" fill="#d39a2f"/><path d="m222 118 15-7 2 86-21 5Z" fill="#e5b353"/><path d="m218 202 92-22c2 10-16 22-42 28s-48 4-50-6Z" fill="#fff9e3"/>`,
      },
    }),
  fungi: (id) =>
    scene({
      id,
      wall: ['#efdfd6', '#e0c3b4'],
      floor: { y: 318, colour: '#8c5b47' },
      light: '#ffe9c7',
      cx: 200,
      cy: 200,
      r: 210,
      lamp: {
        title: 'A small cream lamp in the shape of a mushroom',
        shapes: `<ellipse cx="200" cy="322" rx="78" ry="10" fill="#6f4334"/><path d="M172 196h56l14 122c0 7-84 7-84 0Z" fill="#fbeedd"/><path d="M172 196h18l-8 126c-14-1-24-2-24-4Z" fill="#fff8ee"/>
<path d="M78 210c0-70 54-118 122-118s122 48 122 118c0 14-244 14-244 0Z" fill="#fff3df"/><path d="M78 210c0-58 37-101 88-114-34 26-50 66-50 122-24-2-38-4-38-8Z" fill="#fffaf1"/>
<ellipse cx="200" cy="211" rx="122" ry="13" fill="#ffd99b"/>`,
      },
    }),
  aria: (id) =>
    scene({
      id,
      wall: ['#dfe4ee', '#c3ccdc'],
      floor: { y: 352, colour: '#7c8596' },
      light: '#fff4d6',
      cx: 268,
      cy: 190,
      r: 180,
      lamp: {
        title: 'A brass floor lamp with a wide arc',
        shapes: `<rect x="206" y="288" width="142" height="64" rx="22" fill="#465877"/><rect x="196" y="262" width="36" height="90" rx="16" fill="#3c4c68"/><rect x="322" y="262" width="36" height="90" rx="16" fill="#3c4c68"/><rect x="226" y="236" width="102" height="70" rx="18" fill="#52668a"/>
<ellipse cx="88" cy="354" rx="46" ry="9" fill="#2f3542"/><path d="M88 352V150c0-64 44-96 98-96 58 0 82 36 82 74" fill="none" stroke="#bd9144" stroke-width="7" stroke-linecap="round"/>
<path d="M220 178a48 48 0 0 1 96 0Z" fill="#bd9144"/><path d="M220 178a48 48 0 0 1 32-45c-10 11-15 26-15 45Z" fill="#d5ae67"/><ellipse cx="268" cy="179" rx="48" ry="7" fill="#fff6db"/>`,
      },
    }),
  noor: (id) =>
    scene({
      id,
      wall: ['#2f3346', '#23263a'],
      light: '#ffd487',
      cx: 200,
      cy: 205,
      r: 205,
      lamp: {
        title: 'A round paper lantern, lit at night',
        shapes: `<path d="M200 0v96" stroke="#e8dcc6" stroke-width="2.500"/><rect x="180" y="92" width="40" height="9" rx="4" fill="#a8784a"/><circle cx="200" cy="205" r="108" fill="#ffe3ab"/>
<g fill="none" stroke="#d9a95e" stroke-width="2.500"><path d="M200 97v216"/><ellipse cx="200" cy="205" rx="38" ry="108"/><ellipse cx="200" cy="205" rx="76" ry="108"/><path d="M100 164q100-22 200 0M92 205q108-24 216 0M100 246q100-22 200 0"/></g>
<circle cx="200" cy="205" r="108" fill="none" stroke="#d9a95e" stroke-width="3"/><circle cx="160" cy="165" r="44" fill="#fff6de" opacity="0.3"/>`,
      },
    }),
  piet: (id) =>
    scene({
      id,
      wall: ['#f3e6df', '#e7d0c4'],
      light: '#fff0d2',
      cx: 200,
      cy: 150,
      r: 200,
      lamp: {
        title: 'A terracotta wall lamp that shines up and down',
        shapes: `<path d="M150 150 92 20h216l-58 130Z" fill="#fff7e2" opacity="0.65"/><path d="m150 250-70 150h240l-70-150Z" fill="#fff7e2" opacity="0.5"/>
<rect x="142" y="146" width="116" height="108" rx="12" fill="#c4674a"/><path d="M154 146h40v108h-40a12 12 0 0 1-12-12v-84a12 12 0 0 1 12-12Z" fill="#d67d60"/><circle cx="226" cy="200" r="11" fill="#9c4b32"/>`,
      },
    }),
};

/** The picture of a lamp; `id` is unique on its page. */
export const picture = (lamp, id) => ART[lamp](id);

/** The shop's sign. */
export const sign = `<svg viewBox="0 0 32 32" aria-hidden="true"><path d="M5 17a11 11 0 0 1 22 0Z" fill="#20242f"/><circle cx="16" cy="20" r="4.500" fill="#f0b429"/><path d="M16 2v5" stroke="#20242f" stroke-width="2.500" stroke-linecap="round"/></svg>`;
