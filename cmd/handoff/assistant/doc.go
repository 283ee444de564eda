// Package assistant is the AI backend of the demo shop: rules that answer a visitor with a confidence, as a model would.
//
// It does what any AI backend does (docs/api.md, post_ai_message): it reads what visitors wrote and answers as the service
// role. Some answers are sure; the unsure ones let the database hand the conversation to a person. `handoff dev --assistant`
// runs it, and nothing else does.
//
// It keeps no state. What is unanswered is read from the database, and the id of an answer follows from the question's: an
// assistant that was killed answers what is left, two at once answer once, and a question is answered after a pause that
// counts from when it was written.
package assistant
