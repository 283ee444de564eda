import type { SupabaseClient } from '@supabase/supabase-js';

import type { Availability } from '../availability.js';
import { rpc } from '../core/call.js';
import { isWidgetEvent, topics } from '../protocol.js';
import type { Link, Topic } from '../realtime/link.js';

/** Whether a person can take over, read once and then followed on the project's public topic. */
export class AvailabilityWatch {
  readonly #supabase: SupabaseClient;
  readonly #projectId: string;
  readonly #onChange: (availability: Availability) => void;
  #topic: Topic | null = null;
  /** Counts what was heard, so that an answer that was asked for before does not undo it. */
  #heard = 0;

  constructor(supabase: SupabaseClient, projectId: string, onChange: (availability: Availability) => void) {
    this.#supabase = supabase;
    this.#projectId = projectId;
    this.#onChange = onChange;
  }

  async refresh(): Promise<Availability> {
    const heard = this.#heard;
    const answer = await rpc<Availability>(this.#supabase, 'get_handoff_availability', {
      p_project_id: this.#projectId,
    });
    if (heard === this.#heard) this.#onChange(answer);
    return answer;
  }

  follow(link: Link): void {
    this.#topic ??= link.join({
      topic: topics.widget(this.#projectId),
      private: false,
      onEvent: (event, payload) => this.#hear(event, payload),
      onJoined: () => void this.refresh().catch(() => undefined), // the next join or broadcast tells it
    });
  }

  stop(): void {
    this.#topic?.leave();
    this.#topic = null;
  }

  #hear(name: string, payload: unknown): void {
    const event = { event: name, payload };
    if (!isWidgetEvent(event)) return;
    this.#heard += 1;
    const { available, reason, show_button, show_offline_form, opens_at } = event.payload;
    this.#onChange({
      available,
      show_button,
      show_offline_form,
      ...(reason === undefined ? {} : { reason }),
      ...(opens_at === undefined ? {} : { opens_at }),
    });
  }
}
