import { User } from 'lucide-react';
import type { CSSProperties } from 'react';

import { classes } from './controls';
import styles from './avatar.module.css';

export type Tone = 'green' | 'amber' | 'red' | 'grey';

interface AvatarProps {
  name: string | null;
  /** Whatever tells people apart: it chooses the colour. */
  seed: string;
  image?: string | null;
  size?: number;
  dot?: Tone | null;
}

/** Decorative: the name stands beside it. */
export function Avatar({ name, seed, image = null, size = 36, dot = null }: AvatarProps) {
  const look = { '--size': `${size}px`, '--hue': String(hue(seed)) } as CSSProperties;
  return (
    <span className={styles.avatar} style={look} aria-hidden="true">
      {face(name, image, size)}
      {dot !== null && <span className={classes(styles.dot, styles[dot])} />}
    </span>
  );
}

function face(name: string | null, image: string | null, size: number) {
  if (image?.startsWith('https://')) return <img className={styles.image} src={image} alt="" />;
  return initials(name) ?? <User size={size * 0.5} strokeWidth={2} />;
}

export function Dot({ tone }: { tone: Tone }) {
  return <span className={classes(styles.plainDot, styles[tone])} aria-hidden="true" />;
}

function initials(name: string | null): string | null {
  const words = (name ?? '')
    .replace(/@.*/, '')
    .split(/[\s._-]+/u)
    .filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(
    (word) => /^./u.exec(word ?? '')?.[0] ?? '',
  );
  return letters.join('').toLocaleUpperCase() || null;
}

function hue(seed: string): number {
  let sum = 7;
  for (const letter of seed) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return sum;
}
