package phoenix

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSpareConnectionGetsNoTopic(t *testing.T) {
	t.Parallel()
	shared := newPool(Options{MaxChannels: 1, MaxConnections: 2})
	first, second := shared.hubs[0], newHub(shared)
	shared.hubs = append(shared.hubs, second)
	for _, idle := range shared.hubs {
		idle.link, idle.emptySince = &link{}, time.Now().Add(-time.Hour)
	}
	assert.True(t, first.leaveIdle(), "nobody needs it, and there is another")
	assert.Same(t, second, shared.choose(), "while the first is being closed")
	assert.False(t, second.leaveIdle(), "it is the last one")
}
