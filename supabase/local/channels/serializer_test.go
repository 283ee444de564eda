package channels

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	require.NoError(t, err)
	return data
}

// The bytes were produced by realtime-js 2.109.0 and 2.119.1.
func TestDecodesUserPushesOfRealtimeJS(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		frame string
		want  userMessage
	}{
		"JSON": {
			"0302020d040001 3130 3131 7265616c74696d653a726f6f6d 70696e67 7b2261223a317d",
			userMessage{event: "ping", payload: []byte(`{"a":1}`)},
		},
		"raw bytes": {
			"0302020d040000 3130 3131 7265616c74696d653a726f6f6d 70696e67 010203",
			userMessage{event: "ping", raw: true, payload: []byte{1, 2, 3}},
		},
		"Latin-1 of the older version": {
			"0302020d030001 3130 3131 7265616c74696d653a726f6f6d e976e9 7b2261223a317d",
			userMessage{event: "\xe9v\xe9", payload: []byte(`{"a":1}`)},
		},
		"UTF-8 of the newer version": {
			"0302020d050001 3130 3131 7265616c74696d653a726f6f6d c3a976c3a9 7b2261223a317d",
			userMessage{event: "évé", payload: []byte(`{"a":1}`)},
		},
		"metadata, which is skipped": {
			"0302020d041001 3130 3131 7265616c74696d653a726f6f6d 70696e67 7b2270657273697374223a747275657d 7b2261223a317d",
			userMessage{event: "ping", payload: []byte(`{"a":1}`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := serializerV2.decode(true, unhex(t, test.frame))
			require.NoError(t, err)
			require.Equal(t, &test.want, got.user)
			got.user = nil
			require.Equal(t, push{joinRef: `"10"`, ref: `"11"`, topic: "realtime:room", event: "broadcast"}, got)
		})
	}
}

func TestEncodesUserBroadcastsForRealtimeJS(t *testing.T) {
	t.Parallel()
	const head = "7265616c74696d653a726f6f6d 70696e67 "
	for name, test := range map[string]struct {
		message userMessage
		want    string
	}{
		"JSON with meta": {
			userMessage{event: "ping", payload: []byte(`{"a":1}`), meta: []byte(`{"id":"x"}`)},
			"8229 040d040a01" + head + "7b226964223a2278227d 7b2261223a317d",
		},
		"JSON":      {userMessage{event: "ping", payload: []byte(`{"a":1}`)}, "821d 040d040001" + head + "7b2261223a317d"},
		"raw bytes": {userMessage{event: "ping", raw: true, payload: []byte{1, 2, 3}}, "8219 040d040000" + head + "010203"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// 82 is the WebSocket's own header: a whole binary message; the byte after it is the length.
			want := unhex(t, test.want)
			want[1] = byte(len(want) - 2)
			require.Equal(t, want, serializerV2.user("realtime:room", &test.message))
		})
	}
}

func TestUserBroadcastsThatTheBinaryFormCannotHold(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("e", 256)

	t.Run("go as text when an event is longer than 255 bytes", func(t *testing.T) {
		t.Parallel()
		got := serializerV2.user("realtime:a", &userMessage{event: long, payload: []byte(`1`)})
		require.Equal(t, `[null,null,"realtime:a","broadcast",{"event":"`+long+`","payload":1,"type":"broadcast"}]`, string(got[4:]))
	})
	t.Run("go nowhere when they are raw bytes as well", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, serializerV2.user("realtime:a", &userMessage{event: long, raw: true}))
	})
	t.Run("go nowhere when they are raw bytes for the first serializer", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, serializerV1.user("realtime:a", &userMessage{event: "e", raw: true}))
	})
}

func TestFramesHaveTheHeaderOfTheirLength(t *testing.T) {
	t.Parallel()
	for size, header := range map[int][]byte{
		0:         {0x81, 0},
		125:       {0x81, 125},
		126:       {0x81, 126, 0, 126},
		1<<16 - 1: {0x81, 126, 0xff, 0xff},
		1 << 16:   {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0},
	} {
		payload := []byte(strings.Repeat("x", size))
		assert.Equal(t, append(header, payload...), seal(finText, append(newFrame(size), payload...)), "size %d", size)
	}
}

func TestUndecodableFrames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		encoding serializer
		binary   bool
		frame    string
	}{
		"binary under vsn 1":        {serializerV1, true, "\x03"},
		"no JSON":                   {serializerV1, false, "hello"},
		"no topic":                  {serializerV1, false, `{"event":"e","payload":{}}`},
		"an array of four":          {serializerV2, false, `[null,"1","t","e"]`},
		"a topic that is a number":  {serializerV2, false, `[null,"1",1,"e",{}]`},
		"an empty binary frame":     {serializerV2, true, ""},
		"Phoenix's own push":        {serializerV2, true, "\x00\x01\x01\x01\x01111t{}"},
		"Phoenix's own reply":       {serializerV2, true, "\x01\x01\x01\x01\x02111ok{}"},
		"Phoenix's own broadcast":   {serializerV2, true, "\x02\x01\x01te{}"},
		"a broadcast of a server":   {serializerV2, true, "\x04\x01\x01\x00\x01te{}"},
		"an unknown kind":           {serializerV2, true, "\x05\x00\x00\x00\x00\x00\x00"},
		"lengths beyond the frame":  {serializerV2, true, "\x03\xff\xff\xff\xff\xff\x01ab"},
		"an unknown encoding":       {serializerV2, true, "\x03\x00\x00\x00\x00\x00\x02{}"},
		"a payload that is no JSON": {serializerV2, true, "\x03\x00\x00\x00\x00\x00\x01{"},
		"JSON that is no UTF-8":     {serializerV2, true, "\x03\x00\x00\x00\x00\x00\x01\"\xff\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.encoding.decode(test.binary, []byte(test.frame))
			require.ErrorIs(t, err, errUndecodable)
		})
	}
}

func TestRefsAreEchoedAsTheyCame(t *testing.T) {
	t.Parallel()
	for frame, want := range map[string]push{
		`["1","2","t","e",{}]`:   {joinRef: `"1"`, ref: `"2"`},
		`[null,null,"t","e",{}]`: {joinRef: noRef, ref: noRef},
		`[null,7,"t","e",{}]`:    {joinRef: noRef, ref: "7"},
	} {
		got, err := serializerV2.decode(false, []byte(frame))
		require.NoError(t, err)
		assert.Equal(t, want.joinRef, got.joinRef)
		assert.Equal(t, want.ref, got.ref)
	}
}

// FuzzDecode wants that no frame crashes the server, and that what is decoded can be encoded for anybody.
func FuzzDecode(f *testing.F) {
	f.Add(true, []byte("\x03\x02\x02\x0d\x04\x00\x011011realtime:roomping{\"a\":1}"))
	f.Add(true, []byte("\x03\x00\x00\x01\x01\x00\x00\xff\xfe"))
	f.Add(true, []byte("\x03\x02\x02\x0d\x04\x10\x011011realtime:roomping{\"persist\":true}{\"a\":1}"))
	f.Add(true, []byte("\x00\x01\x01\x01\x01111t{}"))
	f.Add(false, []byte(`["1","1","a","phx_join",{"config":{"postgres_changes":[{"table":"t","filter":"a=in.((1,b),=c=."}]}}]`))
	f.Add(false, []byte(`["1","1","a","phx_join",{"config":{"broadcast":{"replay":{"since":1e3,"limit":-1}}}}]`))
	f.Add(false, []byte(`["1","1","realtime:a","phx_join",{"config":{}}]`))
	f.Add(false, []byte(`{"topic":"realtime:a","event":"e","payload":{},"ref":"1"}`))
	f.Add(false, []byte(`[[],{},"a","\ud800",null]`))
	f.Fuzz(func(t *testing.T, binary bool, data []byte) {
		for _, encoding := range []serializer{serializerV1, serializerV2} {
			p, err := encoding.decode(binary, data)
			if err != nil {
				require.ErrorIs(t, err, errUndecodable)
				continue
			}
			reply := serializerV2.text(p.joinRef, p.ref, p.topic, eventReply, replyOK)
			require.Equal(t, byte(finText), reply[0])
			if p.user != nil && !p.user.raw {
				require.True(t, validJSON(p.user.object()))
			}
			for _, wish := range parseJoin(p.payload).changes {
				_, _ = parseSubscription(wish) // wants only that it returns
			}
			if replay := asObject(parseJoin(p.payload).replay); replay != nil {
				_, limit, valid := replayParams(replay)
				require.True(t, !valid || 1 <= limit && limit <= replayLimit)
			}
			presenceFields(p.payload)
		}
	})
}
