// The shop's own script: the cart, and the widget's tag. A page that knows its project writes the tag into its HTML instead:
//
//   <script src="https://.../widget.js" data-project="..." data-url="https://....supabase.co" data-key="sb_publishable_..." async></script>

const CART_KEY = 'lumora_cart';

function readCart() {
  try {
    return JSON.parse(sessionStorage.getItem(CART_KEY) ?? '[]');
  } catch {
    return []; // blocked, or not ours: an empty cart
  }
}

function showCart(cart) {
  document.querySelector('#cart-count').textContent = String(cart.length);
}

function addToCart(lamp) {
  const cart = [...readCart(), lamp];
  try {
    sessionStorage.setItem(CART_KEY, JSON.stringify(cart));
  } catch {
    // blocked: the cart lasts as long as the page
  }
  showCart(cart);
}

async function addWidget() {
  const answer = await fetch('/config.json');
  const { url, key, project_id: project } = await answer.json();
  const script = document.createElement('script');
  script.src = '/widget/widget.js';
  Object.assign(script.dataset, {
    url,
    key,
    project,
    title: 'Lumora Assistant',
    suggestions: 'How long does delivery take?|Can I return a lamp?|Which lamp for a bedroom?|My lamp arrived broken',
    track: 'always',
    ...Object.fromEntries(new URLSearchParams(location.search)), // ?theme=dark&locale=de&accent=%23c4674a to try the options
  });
  document.head.append(script);
}

document.addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest('button') : null;
  if (button?.dataset.add) addToCart(button.dataset.add);
  if (button?.dataset.ask !== undefined) {
    if (button.dataset.ask) void window.SupportBase?.send(button.dataset.ask);
    else window.SupportBase?.open();
  }
});

showCart(readCart());
await addWidget();
