/** The chat's style sheets, in their order: later ones win. */
import dock from './dock.css?inline';
import forms from './forms.css?inline';
import panel from './panel.css?inline';
import queue from './queue.css?inline';
import screens from './screens.css?inline';
import transcript from './transcript.css?inline';

export const appStyles: readonly string[] = [panel, queue, transcript, dock, forms, screens];
