// Package doctor looks a Supabase project over, as far as SupportBase Handoff depends on it, and says what is wrong and
// what to do about it.
//
// Examine asks one question after the other; each question has a name that does not change and answers with one or more
// findings. It changes nothing, but for one message to a Realtime topic that nobody can listen to, unless it is asked to
// mend what can be mended without a risk (Options.Fix). A question that cannot be asked, because the database does not
// answer say, is skipped and says so: silence would look like health.
//
// Not looked at: what a dashboard or widget of yours does, mail servers, and what only Supabase's management API knows.
package doctor
