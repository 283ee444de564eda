package channels

import "encoding/binary"

// frame is a whole WebSocket frame from server to client, header and all, ready to be written. One frame may be in the
// queues of many sockets: nobody changes it.
type frame = []byte

// Opcodes of RFC 6455, section 5.2, with the bit that says that the frame is the message's last (and here its only).
const (
	finText   = 0x81
	finBinary = 0x82
	finClose  = 0x88
	finPong   = 0x8A
)

// headerRoom is the longest header of an unmasked frame.
const headerRoom = 10

// newFrame returns a buffer to append a payload of about size bytes to, with room for the header in front.
func newFrame(size int) []byte {
	return make([]byte, headerRoom, headerRoom+size)
}

// seal writes the header in front of the payload and returns the frame. The buffer must come from newFrame.
func seal(opcode byte, buffer []byte) frame {
	size := len(buffer) - headerRoom
	switch {
	case size < 126:
		buffer[8], buffer[9] = opcode, byte(size) //nolint:gosec // below 126
		return buffer[8:]
	case size < 1<<16:
		buffer[6], buffer[7] = opcode, 126
		binary.BigEndian.PutUint16(buffer[8:], uint16(size))
		return buffer[6:]
	default:
		buffer[0], buffer[1] = opcode, 127
		binary.BigEndian.PutUint64(buffer[2:], uint64(size))
		return buffer
	}
}

// Close codes of RFC 6455 that the server uses itself.
const (
	closeNormal    uint16 = 1000
	closeGoingAway uint16 = 1001
	closeInternal  uint16 = 1011
)

func closeFrame(code uint16) frame {
	return seal(finClose, binary.BigEndian.AppendUint16(newFrame(2), code))
}

func pongFrame(payload []byte) frame {
	return seal(finPong, append(newFrame(len(payload)), payload...))
}
