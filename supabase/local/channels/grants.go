package channels

import (
	"context"
	"strings"
)

// grants are the answers of the policies for one channel and token. Nothing is asked twice: a changed policy shows
// with the next token or join.
type grants struct {
	// read is what may be received. presenceAsked says that presence was among the questions.
	read          map[extension]bool
	presenceAsked bool
	// write is what may be sent; a kind that is not in it has not been asked about.
	write map[extension]bool
}

// may reports whether the channel may send messages of a kind. A failed probe is a no that is not remembered.
func (c *channel) may(ctx context.Context, kind extension) bool {
	if !c.key.private {
		return true
	}
	allowed, asked := c.grants.write[kind]
	if asked {
		return allowed
	}
	allowed, err := c.socket.server.authorizer.mayWrite(ctx, c.subject(), kind)
	if err != nil {
		c.socket.server.options.Logger.WarnContext(ctx, "policies not asked", "topic", c.name, "err", err)
		return false
	}
	if c.grants.write == nil {
		c.grants.write = make(map[extension]bool, 1)
	}
	c.grants.write[kind] = allowed
	return allowed
}

// subject is the channel as the policies see it.
func (c *channel) subject() subject {
	return subject{identity: c.identity.Load(), topic: c.name, headers: c.socket.headers}
}

// authorize asks what the channel may read. It changes nothing: what it returns takes effect with hear. The refusal says
// why the channel may not be there at all.
func (c *channel) authorize(ctx context.Context, withPresence bool) (grants, *refusalError) {
	if !c.key.private {
		return grants{}, nil
	}
	kinds := []extension{broadcastExtension}
	if withPresence {
		kinds = append(kinds, presenceExtension)
	}
	read, err := c.socket.server.authorizer.mayRead(ctx, c.subject(), kinds...)
	if err != nil {
		c.socket.server.options.Logger.WarnContext(ctx, "policies not asked", "topic", c.name, "err", err)
		return grants{}, refusalOf(err, c.name)
	}
	if len(read) == 0 {
		return grants{}, errUnauthorized(c.name)
	}
	return grants{read: read, presenceAsked: withPresence}, nil
}

// hear makes the room deliver what the grants allow. A caller whose channel is in a room already holds the room's lock.
func (c *channel) hear(granted grants) {
	c.grants = granted
	c.hearsBroadcasts = !c.key.private || granted.read[broadcastExtension]
	c.hearsPresence = !c.key.private || granted.read[presenceExtension]
}

// hearPresence asks for presence when the client tracks itself without having asked for presence in its join. A failed
// probe leaves the question open.
func (c *channel) hearPresence(ctx context.Context) {
	if !c.key.private || c.grants.presenceAsked {
		return
	}
	read, err := c.socket.server.authorizer.mayRead(ctx, c.subject(), presenceExtension)
	if err != nil {
		c.socket.server.options.Logger.WarnContext(ctx, "policies not asked", "topic", c.name, "err", err)
		return
	}
	c.grants.presenceAsked = true
	if read[presenceExtension] {
		c.grants.read[presenceExtension] = true
		c.room.mu.Lock()
		defer c.room.mu.Unlock()
		c.hearsPresence = true
	}
}

// refresh takes a new token for the channel. It is never answered; a token that is not good enough any more ends the
// channel. A nil token, the same one and keys of the new kind are ignored.
func (c *channel) refresh(ctx context.Context, token *string) {
	if token == nil || *token == c.identity.Load().token || strings.HasPrefix(*token, newKeyPrefix) {
		return
	}
	who, err := identify(c.socket.server.options.Ring, *token)
	if err != nil {
		c.shutDown(messageOf(err))
		return
	}
	c.identity.Store(who)
	before := c.grants
	granted, refused := c.authorize(ctx, before.presenceAsked)
	if refused == nil && before.revokedBy(granted) {
		refused = errRevoked(c.name)
	}
	if refused != nil {
		c.shutDown(refused.message)
		return
	}
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	c.hear(granted)
}

// revokedBy reports whether something that could be read cannot be any more.
func (g grants) revokedBy(after grants) bool {
	for kind := range g.read {
		if !after.read[kind] {
			return true
		}
	}
	return false
}
