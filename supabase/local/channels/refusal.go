package channels

import "errors"

// refusalError is why Realtime turns a client down, in Realtime's words: join replies carry code and message, system
// messages and HTTP bodies the message alone.
type refusalError struct {
	code    string
	message string
	// disconnects says that the socket is closed as well.
	disconnects bool
}

func (e *refusalError) Error() string { return e.code + ": " + e.message }

// The refusals that need no further words.
var (
	errTopicName      = &refusalError{code: "TopicNameRequired", message: "You must provide a topic name"}
	errUsers          = &refusalError{code: "ConnectionRateLimitReached", message: "Too many connected users"}
	errJoins          = &refusalError{code: "ClientJoinRateLimitReached", message: "Too many joins per second", disconnects: true}
	errChannels       = &refusalError{code: "ChannelRateLimitReached", message: "Too many channels"}
	errReplayPublic   = &refusalError{code: "UnableToReplayMessages", message: "Replay is not allowed for public channels"}
	errReplayParams   = &refusalError{code: "UnableToReplayMessages", message: "Replay params are not valid"}
	errReplay         = &refusalError{code: "UnableToReplayMessages", message: "Realtime was unable to replay messages"}
	errTokenMalformed = &refusalError{code: "MalformedJWT", message: "The token provided is not a valid JWT"}
	errTokenSigner    = &refusalError{code: "JwtSignerError", message: "Failed to generate JWT signer, check your JWT secret or JWKS configuration"}
	errTokenSignature = &refusalError{code: "JwtSignatureError", message: "Failed to validate JWT signature"}
	errTokenClaims    = &refusalError{code: "InvalidJWTToken", message: "Fields `role` and `exp` are required in JWT"}
)

// Messages that close a channel.
const (
	tooManyMessages      = "Too many messages per second"
	tooManyPresence      = "Too many presence messages per second"
	tooManyPresenceCalls = "Client presence rate limit exceeded"
	trackTooLarge        = "Track message size exceeded"
)

func errUnauthorized(topic string) *refusalError {
	return &refusalError{
		code:    "Unauthorized",
		message: "You do not have permissions to read from this Channel topic: " + topic,
	}
}

// errRevoked is for a channel that could read more with its last token than with its new one.
func errRevoked(topic string) *refusalError {
	return &refusalError{
		code:    "Unauthorized",
		message: "You no longer have permission to read from this Channel topic: " + topic,
	}
}

// refusalOf puts an error of a probe in Realtime's words. A policy that fails is a policy that does not allow.
func refusalOf(err error, topic string) *refusalError {
	switch {
	case errors.Is(err, errPartition):
		return &refusalError{
			code:    "MissingPartition",
			message: "Realtime was unable to find the expected messages partition",
		}
	case errors.Is(err, errCanceled):
		return &refusalError{code: "QueryCanceled", message: "Query was cancelled, please try again"}
	case errors.Is(err, errPool):
		return &refusalError{code: "IncreaseConnectionPool", message: "Please increase your connection pool size"}
	case errors.Is(err, errDatabase):
		return &refusalError{
			code:    "UnableToConnectToProject",
			message: "Realtime was unable to connect to the project database",
		}
	default:
		return errUnauthorized(topic)
	}
}

// messageOf is the refusal without its code.
func messageOf(err error) string {
	var refused *refusalError
	if errors.As(err, &refused) {
		return refused.message
	}
	return err.Error()
}
