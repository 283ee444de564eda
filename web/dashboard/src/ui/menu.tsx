import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode, type RefObject } from 'react';

import { classes } from './controls';
import styles from './menu.module.css';

export interface MenuItem {
  id: string;
  title: string;
  about?: string;
  icon?: ReactNode;
  aside?: ReactNode;
  danger?: boolean;
  disabled?: boolean;
  /** A line above it. */
  apart?: boolean;
  checked?: boolean;
  onSelect: () => void;
}

interface MenuProps {
  label: string;
  items: readonly MenuItem[];
  align?: 'left' | 'right';
  /** Text below the items. */
  caption?: ReactNode;
  trigger: (props: {
    ref: RefObject<HTMLButtonElement | null>;
    'aria-haspopup': 'menu';
    'aria-expanded': boolean;
    onClick: () => void;
  }) => ReactNode;
}

/** A button with a menu: arrows move, Escape and Tab close, the button gets the focus back. */
export function Menu({ label, items, align = 'left', caption, trigger }: MenuProps) {
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useOutsideClick(anchor, open, () => setOpen(false));
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <span className={styles.anchor} ref={anchor}>
      {trigger({ ref: button, 'aria-haspopup': 'menu', 'aria-expanded': open, onClick: () => setOpen(!open) })}
      {open && <Items label={label} items={items} align={align} caption={caption} onClose={close} />}
    </span>
  );
}

interface ItemsProps extends Pick<MenuProps, 'label' | 'items' | 'caption'> {
  align: 'left' | 'right';
  onClose: () => void;
}

function Items({ label, items, align, caption, onClose }: ItemsProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const checked = list.current?.querySelector<HTMLElement>('[aria-checked="true"]');
    (checked ?? list.current?.querySelector<HTMLElement>('button:not(:disabled)'))?.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      onClose();
    } else if (event.key in steps) {
      event.preventDefault();
      moveFocus(list.current, event.key);
    }
  };
  return (
    <div className={classes(styles.menu, styles[align])} onKeyDown={onKeyDown}>
      <div role="menu" aria-label={label} ref={list}>
        {items.map((item) => (
          <Item key={item.id} item={item} onClose={onClose} />
        ))}
      </div>
      {caption !== undefined && <div className={styles.caption}>{caption}</div>}
    </div>
  );
}

function Item({ item, onClose }: { item: MenuItem; onClose: () => void }) {
  const select = () => {
    onClose();
    item.onSelect();
  };
  return (
    <>
      {item.apart === true && <div className={styles.separator} role="separator" />}
      <button
        type="button"
        tabIndex={-1}
        role={item.checked === undefined ? 'menuitem' : 'menuitemradio'}
        aria-checked={item.checked}
        disabled={item.disabled}
        className={classes(styles.item, item.danger === true && styles.danger)}
        onClick={select}
      >
        {item.icon ?? <span />}
        <span className={styles.title}>{item.title}</span>
        {item.aside ?? <span />}
        {item.about !== undefined && <span className={styles.about}>{item.about}</span>}
      </button>
    </>
  );
}

const steps: Record<string, number | 'first' | 'last'> = { ArrowDown: 1, ArrowUp: -1, Home: 'first', End: 'last' };

function moveFocus(list: HTMLElement | null, key: string): void {
  const buttons = [...(list?.querySelectorAll<HTMLElement>('button:not(:disabled)') ?? [])];
  const step = steps[key];
  const now = buttons.indexOf(document.activeElement as HTMLElement);
  const next = step === 'first' ? 0 : step === 'last' ? -1 : (now + (step ?? 0)) % buttons.length;
  buttons.at(next)?.focus();
}

function useOutsideClick(inside: RefObject<HTMLElement | null>, active: boolean, onOutside: () => void): void {
  useEffect(() => {
    if (!active) return;
    const listen = (event: PointerEvent) => {
      if (!inside.current?.contains(event.target as Node)) onOutside();
    };
    document.addEventListener('pointerdown', listen);
    return () => document.removeEventListener('pointerdown', listen);
  });
}
