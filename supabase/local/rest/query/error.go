package query

import "fmt"

// Codes of refusals.
const (
	// CodeParse is a part of the query string that does not follow the grammar.
	CodeParse = "PGRST100"
	// CodeAggregate is an aggregate in select. Hosted Supabase has them off, so the stand-in has too.
	CodeAggregate = "PGRST123"
)

// Error says why a query string was refused. All fields go into the answer as they are.
type Error struct {
	Code    string
	Message string
	// Details is empty when there is nothing to add.
	Details string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Details == "" {
		return e.Message
	}
	return fmt.Sprintf("%s: %s", e.Message, e.Details)
}

func errAggregate() error {
	return &Error{Code: CodeAggregate, Message: "Use of aggregate functions is not allowed"}
}
