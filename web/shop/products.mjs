// What the shop sells. The demo assistant (cmd/handoff/assistant) knows the same things.

export const PRODUCTS = [
  {
    id: 'luna',
    name: 'Luna',
    kind: 'Pendant lamp',
    price: 129,
    colour: 'Sage green',
    text: 'A wide dome of spun steel that throws a calm circle of light on the table, and none into your eyes.',
    facts: ['⌀ 38 cm, 24 cm high', 'Cable of two metres, shortened by hand', 'Dimmable LED, 2700 K'],
  },
  {
    id: 'sol',
    name: 'Sol',
    kind: 'Desk lamp',
    price: 149,
    colour: 'Ochre',
    text: 'The arm turns where you need it and stays there. Made for long evenings with a book or a soldering iron.',
    facts: ['Reach of 62 cm', 'Touch dimmer in the base', 'Weighs 1.9 kg, stands like a rock'],
  },
  {
    id: 'fungi',
    name: 'Fungi',
    kind: 'Table lamp',
    price: 89,
    colour: 'Cream',
    text: 'A soft light for the hour before sleep. Opal glass, blown in one piece, no two are quite alike.',
    facts: ['⌀ 26 cm, 28 cm high', 'Mouth-blown glass', 'Night light at 2 %'],
  },
  {
    id: 'aria',
    name: 'Aria',
    kind: 'Floor lamp',
    price: 249,
    colour: 'Brushed brass',
    text: 'An arc over the armchair: light from above, and a free floor where the foot of a lamp would stand.',
    facts: ['196 cm high, 110 cm wide', 'Foot of cast iron', 'Ages beautifully'],
  },
  {
    id: 'noor',
    name: 'Noor',
    kind: 'Paper lantern',
    price: 119,
    colour: 'Honey',
    text: 'Washi paper over bamboo, folded by hand. When it is on, the room seems to hold its breath.',
    facts: ['⌀ 45 cm', 'Folds flat to 4 cm', 'Warm 2200 K bulb included'],
  },
  {
    id: 'piet',
    name: 'Piet',
    kind: 'Wall lamp',
    price: 79,
    colour: 'Terracotta',
    text: 'A small block of clay that shines up and down. One beside a door says welcome, three make a corridor.',
    facts: ['12 × 11 × 9 cm', 'Unglazed terracotta', 'For inside and covered porches'],
  },
];

export const HELP = [
  {
    id: 'shipping',
    title: 'Shipping',
    text: [
      'Every lamp leaves our workshop within one working day.',
      'Delivery takes 2–3 days in Europe and 5–7 days elsewhere. It is free above €60; below that it costs €5.',
    ],
  },
  {
    id: 'returns',
    title: 'Returns',
    text: [
      'Send any lamp back within 60 days, also when it was used. The label is free and the refund takes three days.',
      'Something broken? Write to us in the chat: a person will look at it with you.',
    ],
  },
];
