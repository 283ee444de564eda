/** Colours that belong to an accent, so that texts on it can be read whatever it is. */

const LINEAR_LIMIT = 0.04045;

function channel(value: number): number {
  const part = value / 255;
  return part <= LINEAR_LIMIT ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

/** The WCAG luminance of `#rgb` or `#rrggbb`, 0 (black) to 1 (white). */
export function luminance(hex: string): number {
  const long = hex.length === 4 ? hex.replace(/[0-9a-f]/gi, '$&$&') : hex;
  const value = Number.parseInt(long.slice(1), 16);
  return 0.2126 * channel(value >> 16) + 0.7152 * channel((value >> 8) & 255) + 0.0722 * channel(value & 255);
}

/** The WCAG contrast of two luminances, 1 to 21. */
export function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

/** The text colour that reads best on the accent. White wins while it is readable at all: it looks right on colours. */
export function onAccent(hex: string): '#ffffff' | '#10131a' {
  return contrast(luminance(hex), 1) >= 4.5 ? '#ffffff' : '#10131a';
}
