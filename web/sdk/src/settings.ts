/** A project's settings and hours (F001 5.1, 5.8). */

export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
export type TriggerMode = 'auto' | 'manual' | 'both';
export type AssignmentStrategy = 'balanced' | 'round_robin' | 'longest_idle';

/** Wall time of the project's zone, `HH:MM`; the end is not included, `24:00` is midnight. */
export interface HoursRange {
  start: string;
  end: string;
  /** The range ends on the next day. */
  overnight?: boolean;
}

export type DayHours = (HoursRange & { enabled: boolean; ranges?: never }) | { enabled: boolean; ranges: HoursRange[] };

export interface AutoTriggers {
  low_confidence_enabled: boolean;
  /** 0 to 1. */
  low_confidence_threshold: number;
  keywords_enabled: boolean;
  keywords: string[];
}

/** `get_handoff_settings`. */
export interface HandoffSettings {
  project_id: string;
  enabled: boolean;
  trigger_mode: TriggerMode;
  show_human_button: boolean;
  auto_triggers: AutoTriggers;
  business_hours_enabled: boolean;
  timezone: string;
  business_hours: Record<Weekday, DayHours>;
  default_max_concurrent_chats: number;
  inactivity_timeout_minutes: number;
  auto_close_after_warning_minutes: number;
  session_keep_alive_minutes: number;
  send_inactivity_warning: boolean;
  assignment_strategy: AssignmentStrategy;
  preferred_wait_seconds: number;
  /** `offer`: the agent is asked, and accepts or declines. */
  assignment_mode: 'direct' | 'offer';
  offer_timeout_seconds: number;
  /** 0: nobody is set away for missing offers. */
  away_after_missed_offers: number;
  updated_at: string | null;
  /** Handoff is enabled and nobody could ever answer (F001 5.10.5). */
  warning?: 'no_agents';
}

/** What `update_handoff_settings` takes: only what is given changes, also inside triggers and hours. */
export type SettingsChange = Partial<
  Omit<HandoffSettings, 'project_id' | 'updated_at' | 'warning' | 'auto_triggers' | 'business_hours'>
> & {
  auto_triggers?: Partial<AutoTriggers>;
  business_hours?: Partial<Record<Weekday, Partial<HoursRange> & { enabled?: boolean; ranges?: HoursRange[] }>>;
};

/** A row of `business_hours_exceptions`: a date whose hours are others than its weekday's, or none. */
export interface HoursException {
  id: string;
  project_id: string;
  date: string;
  closed: boolean;
  ranges: HoursRange[] | null;
  label: string | null;
  created_at: string;
  updated_at: string;
}
