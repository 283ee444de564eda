import { Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';

import { classes } from './controls';
import styles from './feedback.module.css';

interface BannerProps {
  tone: 'amber' | 'red' | 'green' | 'accent';
  title?: string;
  children?: ReactNode;
  action?: ReactNode;
  /** Assistive technology is told at once. */
  live?: boolean;
}

export function Banner({ tone, title, children, action, live = false }: BannerProps) {
  const Icon = tone === 'amber' || tone === 'red' ? TriangleAlert : Info;
  return (
    <div className={classes(styles.banner, styles[tone])} role={live ? 'status' : undefined}>
      <Icon size={17} aria-hidden="true" />
      <div className={styles.bannerText}>
        {title !== undefined && <div className={styles.bannerTitle}>{title}</div>}
        {children}
      </div>
      {action}
    </div>
  );
}

export function Empty({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <div className={styles.emptyIcon} aria-hidden="true">
        {icon}
      </div>
      <div className={styles.emptyTitle}>{title}</div>
      {children}
    </div>
  );
}

export function Skeleton({ width, height }: { width: number | string; height: number }) {
  return <div className={styles.skeleton} style={{ width, height }} aria-hidden="true" />;
}
