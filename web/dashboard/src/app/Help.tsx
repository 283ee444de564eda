import { Kbd } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import styles from './shell.module.css';
import { composerKeys, shortcuts, type Shortcut } from './shortcuts';

const all: readonly Shortcut[] = [...Object.values(shortcuts), ...composerKeys];
const groups = [...new Set(all.map((shortcut) => shortcut.group))];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" width={640} onClose={onClose}>
      <div className={styles.help}>
        {groups.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <ul>
              {all
                .filter((shortcut) => shortcut.group === group)
                .map((shortcut) => (
                  <li key={shortcut.label}>
                    <span>{shortcut.label}</span>
                    <span className={styles.keys}>
                      {shortcut.keys.map((key) => (
                        <Kbd key={key}>{key}</Kbd>
                      ))}
                    </span>
                  </li>
                ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
