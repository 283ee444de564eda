import type { DayHours, HandoffSettings, HoursRange, SettingsChange, Weekday } from '@supportbase/handoff';

export const weekdays = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const satisfies Weekday[];

/** What a person may type before it is right: the settings with numbers as they are written. */
export interface Draft extends Omit<HandoffSettings, 'business_hours' | NumberField> {
  business_hours: Record<Weekday, DayDraft>;
  numbers: Record<NumberField, string>;
}

export interface DayDraft {
  enabled: boolean;
  ranges: RangeDraft[];
}

/** Wall times as an input has them: "00:00" as an end is midnight. */
export interface RangeDraft {
  start: string;
  end: string;
}

export type NumberField =
  | 'default_max_concurrent_chats'
  | 'inactivity_timeout_minutes'
  | 'auto_close_after_warning_minutes'
  | 'session_keep_alive_minutes'
  | 'preferred_wait_seconds'
  | 'offer_timeout_seconds'
  | 'away_after_missed_offers';

/** F001 5.1.5 and docs/api.md; the database holds the same rules. */
export const limits: Record<NumberField, [least: number, most: number]> = {
  default_max_concurrent_chats: [1, 50],
  inactivity_timeout_minutes: [1, 1440],
  auto_close_after_warning_minutes: [1, 1440],
  session_keep_alive_minutes: [1, 1440],
  preferred_wait_seconds: [0, 3600],
  offer_timeout_seconds: [5, 600],
  away_after_missed_offers: [0, 20],
};

const numberFields = Object.keys(limits) as NumberField[];

export type FieldName = NumberField | Weekday | 'keywords' | 'threshold' | 'timezone' | 'form';
export type Errors = Partial<Record<FieldName, string>>;

export function draftOf(settings: HandoffSettings): Draft {
  const numbers = Object.fromEntries(numberFields.map((field) => [field, String(settings[field])])) as Draft['numbers'];
  const hours = Object.fromEntries(
    weekdays.map((day) => [day, dayDraft(settings.business_hours[day])]),
  ) as Draft['business_hours'];
  return { ...settings, numbers, business_hours: hours };
}

function dayDraft(hours: DayHours): DayDraft {
  const ranges = hours.ranges ?? [hours];
  return { enabled: hours.enabled, ranges: ranges.map(rangeDraft) };
}

export function rangeDraft({ start, end }: HoursRange): RangeDraft {
  return { start, end: end === '24:00' ? '00:00' : end };
}

export function isOvernight({ start, end }: RangeDraft): boolean {
  return end !== '00:00' && end <= start;
}

export function rangeOf(range: RangeDraft): HoursRange {
  if (range.end === '00:00') return { start: range.start, end: '24:00' };
  return isOvernight(range) ? { ...range, overnight: true } : { ...range };
}

/** Everything that is wrong, by field. */
export function validate(draft: Draft): Errors {
  const errors: Errors = {};
  for (const field of numberFields) {
    const [least, most] = limits[field];
    const number = Number(draft.numbers[field]);
    if (draft.numbers[field].trim() === '' || !Number.isInteger(number) || number < least || number > most) {
      errors[field] = `Between ${least} and ${most}`;
    }
  }
  const { keywords, keywords_enabled, low_confidence_threshold: threshold } = draft.auto_triggers;
  if (keywords_enabled && keywords.length === 0) errors.keywords = 'At least one keyword, or switch the trigger off';
  if (keywords.some((keyword) => keyword.length > 100)) errors.keywords = 'A keyword has at most 100 characters';
  if (!(threshold >= 0 && threshold <= 1)) errors.threshold = 'Between 0 and 100 %';
  if (!isTimezone(draft.timezone)) errors.timezone = 'Not the name of a time zone';
  for (const day of weekdays) {
    const { enabled, ranges } = draft.business_hours[day];
    const wrong = enabled ? rangesError(ranges) : undefined;
    if (wrong !== undefined) errors[day] = wrong;
  }
  return errors;
}

export function rangesError(ranges: readonly RangeDraft[]): string | undefined {
  if (ranges.length === 0) return 'Add hours, or close the day';
  if (ranges.some(({ start, end }) => !isTime(start) || !isTime(end))) return 'A time is missing';
  if (ranges.some(({ start, end }) => start === end && end !== '00:00')) return 'Opens and closes at the same time';
  const spans = ranges.map((range) => [minutes(range.start), endMinutes(range)] as const).sort(([a], [b]) => a - b);
  const overlap = spans.some(([start], place) => place > 0 && start < (spans[place - 1]?.[1] ?? 0));
  return overlap ? 'These hours overlap' : undefined;
}

function isTime(text: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d$/u.test(text);
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function endMinutes(range: RangeDraft): number {
  if (range.end === '00:00') return 1440;
  return minutes(range.end) + (isOvernight(range) ? 1440 : 0);
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat(undefined, { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** What has to be sent: only what differs from what is stored. */
export function changeOf(draft: Draft, stored: HandoffSettings): SettingsChange {
  const change: Record<string, unknown> = {};
  for (const field of plainFields) {
    if (draft[field] !== stored[field]) change[field] = draft[field];
  }
  for (const field of numberFields) {
    if (Number(draft.numbers[field]) !== stored[field]) change[field] = Number(draft.numbers[field]);
  }
  if (JSON.stringify(draft.auto_triggers) !== JSON.stringify(stored.auto_triggers))
    change.auto_triggers = draft.auto_triggers;
  const before = draftOf(stored).business_hours;
  const days = weekdays.filter((day) => JSON.stringify(draft.business_hours[day]) !== JSON.stringify(before[day]));
  if (days.length > 0)
    change.business_hours = Object.fromEntries(days.map((day) => [day, dayChange(draft.business_hours[day])]));
  return change;
}

const plainFields = [
  'enabled',
  'trigger_mode',
  'show_human_button',
  'business_hours_enabled',
  'timezone',
  'send_inactivity_warning',
  'assignment_strategy',
  'assignment_mode',
] as const;

/** One range in the plain form, several as a list; a closed day keeps its hours for when it opens again. */
function dayChange({ enabled, ranges }: DayDraft) {
  const valid = rangesError(ranges) === undefined;
  if (!valid) return { enabled };
  const [first, ...rest] = ranges.map(rangeOf);
  return rest.length === 0 ? { enabled, ...first } : { enabled, ranges: ranges.map(rangeOf) };
}

/** Which field a refusal of the database is about. */
export function fieldOf(code: string): FieldName {
  const fields: Record<string, FieldName> = {
    threshold_out_of_range: 'threshold',
    keywords_invalid: 'keywords',
    unknown_timezone: 'timezone',
    chats_out_of_range: 'default_max_concurrent_chats',
  };
  return fields[code] ?? 'form';
}
