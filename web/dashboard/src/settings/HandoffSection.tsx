import type { AssignmentStrategy, AutoTriggers, HandoffSettings, TriggerMode } from '@supportbase/handoff';
import { Link } from 'wouter';

import { useIsAdmin } from '../app/context';
import { paths } from '../app/routes';
import { percent } from '../format';
import { Field, inputClass, TextField } from '../ui/controls';
import { Banner } from '../ui/feedback';
import page from '../ui/page.module.css';
import { WordsInput } from '../ui/words';
import { SaveBar, Toggle } from './parts';
import styles from './settings.module.css';
import { useDraft, type DraftForm } from './useDraft';
import { limits, type NumberField } from './validate';

/** F001 5.1.4, without the hours. */
export function HandoffSection({ settings }: { settings: HandoffSettings }) {
  const form = useDraft(settings);
  const locked = !useIsAdmin();
  const { draft, set } = form;
  return (
    <>
      <header className={page.head}>
        <h1>Human handoff</h1>
        <p>When the AI gives a conversation to your team, and how your team gets it.</p>
      </header>
      {settings.warning === 'no_agents' && <NoAgents />}
      <section className={`${page.card} ${page.padded}`}>
        <Toggle
          title="Enable human handoff"
          about="Customers can be transferred to people when the AI cannot help or when they ask for it."
          checked={draft.enabled}
          disabled={locked}
          onChange={(enabled) => set({ enabled })}
        />
      </section>
      <Triggers form={form} locked={locked} />
      <Assignment form={form} locked={locked} />
      <Silence form={form} locked={locked} />
      <SaveBar form={form} />
    </>
  );
}

/** F001 5.10.5. */
function NoAgents() {
  return (
    <Banner
      tone="amber"
      title="Human handoff is enabled, and nobody can answer"
      action={
        <Link href={paths.team} className={styles.bannerLink}>
          Invite your first agent →
        </Link>
      }
    >
      You have not invited any team members yet. The “Talk to a human” button is not shown until at least one agent is
      online.
    </Banner>
  );
}

const modes: [TriggerMode, string, string][] = [
  ['auto', 'Automatic only', 'The AI hands off, by its confidence and by keywords.'],
  ['manual', 'Manual only', 'The customer has to press “Talk to a human”.'],
  ['both', 'Both (recommended)', 'The AI hands off, and the customer can ask for it.'],
];

interface PartProps {
  form: DraftForm;
  locked: boolean;
}

function Triggers({ form, locked }: PartProps) {
  const { draft, set } = form;
  return (
    <section className={`${page.card} ${page.padded}`} aria-label="Handoff triggers">
      <h2>Handoff triggers</h2>
      <fieldset className={styles.modes} disabled={locked}>
        <legend className="visually-hidden">How is a handoff triggered?</legend>
        {modes.map(([mode, title, about]) => (
          <label key={mode}>
            <input
              type="radio"
              name="mode"
              checked={draft.trigger_mode === mode}
              onChange={() => set({ trigger_mode: mode })}
            />
            <span>
              <strong>{title}</strong>
              <span>{about}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <Toggle
        title="Show a “Talk to a human” button in the widget"
        about="May lower the share of conversations that the AI resolves."
        checked={draft.show_human_button}
        disabled={locked || draft.trigger_mode === 'auto'}
        onChange={(shown) => set({ show_human_button: shown })}
      />
      {draft.trigger_mode !== 'manual' && <Automatic form={form} locked={locked} />}
    </section>
  );
}

function Automatic({ form, locked }: PartProps) {
  const { draft, errors, set } = form;
  const triggers = draft.auto_triggers;
  const setTriggers = (change: Partial<AutoTriggers>) => set({ auto_triggers: { ...triggers, ...change } });
  return (
    <>
      <Toggle
        title="Hand off when the AI is unsure"
        about="When the confidence of an answer is below the threshold."
        checked={triggers.low_confidence_enabled}
        disabled={locked}
        onChange={(enabled) => setTriggers({ low_confidence_enabled: enabled })}
      />
      {triggers.low_confidence_enabled && (
        <Field label={`Confidence threshold: ${percent(triggers.low_confidence_threshold)}`} error={errors.threshold}>
          {(ids) => (
            <input
              {...ids}
              type="range"
              min={0}
              max={100}
              step={5}
              className={styles.range}
              disabled={locked}
              value={Math.round(triggers.low_confidence_threshold * 100)}
              onChange={(event) => setTriggers({ low_confidence_threshold: Number(event.target.value) / 100 })}
            />
          )}
        </Field>
      )}
      <Toggle
        title="Hand off on keywords"
        about="At once, when a message of the customer has one of them as whole words."
        checked={triggers.keywords_enabled}
        disabled={locked}
        onChange={(enabled) => setTriggers({ keywords_enabled: enabled })}
      />
      {triggers.keywords_enabled && (
        <WordsInput
          label="Keywords"
          hint="Enter or a comma adds one. Capital letters make no difference."
          error={errors.keywords}
          words={triggers.keywords}
          disabled={locked}
          onChange={(keywords) => setTriggers({ keywords: [...keywords] })}
        />
      )}
    </>
  );
}

const strategies: [AssignmentStrategy, string][] = [
  ['balanced', 'Balanced: the most free slots'],
  ['round_robin', 'Round robin: the longest since the last chat was given'],
  ['longest_idle', 'Longest idle: the longest without a chat'],
];

function Assignment({ form, locked }: PartProps) {
  const { draft, set } = form;
  return (
    <section className={`${page.card} ${page.padded}`} aria-label="Assignment">
      <h2>Assignment</h2>
      <Field
        label="Who gets the next conversation"
        hint="Among agents who are online, have a free slot and every skill that is asked for."
      >
        {(ids) => (
          <select
            {...ids}
            className={inputClass}
            disabled={locked}
            value={draft.assignment_strategy}
            onChange={(event) => set({ assignment_strategy: event.target.value as AssignmentStrategy })}
          >
            {strategies.map(([id, title]) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Toggle
        title="Ask the agent first"
        about="The chosen agent accepts or declines in time, else the next one is asked."
        checked={draft.assignment_mode === 'offer'}
        disabled={locked}
        onChange={(asked) => set({ assignment_mode: asked ? 'offer' : 'direct' })}
      />
      {draft.assignment_mode === 'offer' && (
        <div className={styles.columns}>
          <NumberInput form={form} locked={locked} field="offer_timeout_seconds" label="Time to answer (seconds)" />
          <NumberInput
            form={form}
            locked={locked}
            field="away_after_missed_offers"
            label="Away after missed offers"
            hint="0: nobody is set away."
          />
        </div>
      )}
      <div className={styles.columns}>
        <NumberInput
          form={form}
          locked={locked}
          field="default_max_concurrent_chats"
          label="Chats at once, for new agents"
          hint="Can be changed for each agent."
        />
        <NumberInput
          form={form}
          locked={locked}
          field="preferred_wait_seconds"
          label="Wait for the same agent (seconds)"
          hint="When a customer comes back and their agent is online but full."
        />
      </div>
    </section>
  );
}

function Silence({ form, locked }: PartProps) {
  const { draft, set } = form;
  return (
    <section className={`${page.card} ${page.padded}`} aria-label="When a customer is silent">
      <h2>When a customer is silent</h2>
      <Toggle
        title="Ask “Are you still there?”"
        about="Before a chat is closed for silence. Switched off, the time runs all the same."
        checked={draft.send_inactivity_warning}
        disabled={locked}
        onChange={(sent) => set({ send_inactivity_warning: sent })}
      />
      <div className={styles.columns}>
        <NumberInput form={form} locked={locked} field="inactivity_timeout_minutes" label="Ask after (minutes)" />
        <NumberInput
          form={form}
          locked={locked}
          field="auto_close_after_warning_minutes"
          label="Close after another (minutes)"
        />
        <NumberInput
          form={form}
          locked={locked}
          field="session_keep_alive_minutes"
          label="Keep after the browser closed (minutes)"
        />
      </div>
    </section>
  );
}

interface NumberInputProps extends PartProps {
  field: NumberField;
  label: string;
  hint?: string;
}

function NumberInput({ form, locked, field, label, hint }: NumberInputProps) {
  const { draft, errors, set } = form;
  const [min, max] = limits[field];
  return (
    <TextField
      label={label}
      hint={hint}
      error={errors[field]}
      type="number"
      min={min}
      max={max}
      disabled={locked}
      value={draft.numbers[field]}
      onChange={(event) => set({ numbers: { ...draft.numbers, [field]: event.target.value } })}
    />
  );
}
