package history

import (
	"encoding/binary"
	"strings"
)

// window is how many bytes a finder looks at first.
const window = 8

// finder looks for many strings at once: at each place of a text it asks only for those that begin with the bytes there.
type finder struct {
	maybe  [1 << 12]bool // by a hash of the first bytes
	begins map[uint64][]string
	short  []string
}

func newFinder() *finder { return &finder{begins: map[uint64][]string{}} }

func (f *finder) add(all ...string) {
	for _, s := range all {
		if len(s) < window {
			f.short = append(f.short, s)
			continue
		}
		first := binary.LittleEndian.Uint64([]byte(s[:window]))
		f.maybe[slot(first)] = true
		f.begins[first] = append(f.begins[first], s)
	}
}

func slot(first uint64) uint64 { return first * 0x9e3779b97f4a7c15 >> 52 }

// in is true if one of the strings is in a text.
func (f *finder) in(text string) bool {
	for _, s := range f.short {
		if strings.Contains(text, s) {
			return true
		}
	}
	bytes := []byte(text)
	for i := 0; i+window <= len(bytes); i++ {
		first := binary.LittleEndian.Uint64(bytes[i:])
		if !f.maybe[slot(first)] {
			continue
		}
		for _, s := range f.begins[first] {
			if strings.HasPrefix(text[i:], s) {
				return true
			}
		}
	}
	return false
}
