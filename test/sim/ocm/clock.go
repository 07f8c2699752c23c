package ocm

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Now returns the virtual time.
func (s *Sim) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.virtual()
}

func (s *Sim) virtual() time.Time { return s.opts.Clock.Now().Add(s.offset).UTC() }

// stamp is the current time by the API server's own clock, for its records.
func (s *Sim) stamp() time.Time {
	if s.opts.PresentStamps {
		return s.opts.Clock.Now().Add(s.apiSkew).UTC()
	}
	return s.virtual().Add(s.apiSkew)
}

// shown converts a future virtual time to the same clock, with the same distance from now.
func (s *Sim) shown(at time.Time) time.Time { return s.stamp().Add(at.Sub(s.virtual())) }

// Advance advances virtual time: batches, telemetry, insights-operators and expiries happen in order and at their
// times. It returns when all of them are done.
func (s *Sim) Advance(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	target := s.virtual().Add(by)
	for {
		at, event := s.nextEvent()
		if at.After(target) {
			break
		}
		s.moveTo(at)
		event()
	}
	s.moveTo(target)
	s.expire()
}

// RunBatch runs a batch now, in addition to the scheduled ones.
func (s *Sim) RunBatch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batch()
}

// moveTo sets the virtual clock; it never goes back, as a batch may be overdue when Options.Clock moves by itself.
func (s *Sim) moveTo(at time.Time) {
	if d := at.Sub(s.virtual()); d > 0 {
		s.offset += d
	}
}

// nextEvent returns the next event. Batches come before clusters at the same time.
func (s *Sim) nextEvent() (time.Time, func()) {
	at, event := s.nextBatch, func() {
		s.nextBatch = s.nextBatch.Add(s.opts.BatchInterval)
		s.batch()
	}
	for _, c := range s.clusters {
		if c.hasInsights() && c.nextPoll.Before(at) {
			at, event = c.nextPoll, func() {
				c.nextPoll = c.nextPoll.Add(insightsInterval)
				s.insightsPoll(c)
			}
		}
		if c.reports() && c.nextTelemetry.Before(at) {
			at, event = c.nextTelemetry, func() {
				c.nextTelemetry = c.nextTelemetry.Add(telemetryInterval)
				s.clusterReports(c)
			}
		}
	}
	return at, event
}

// looked advances time after a client has polled a rotation.
func (s *Sim) looked() {
	s.mu.Lock()
	passes := s.opts.StepPerLook > 0 && s.isWaitedFor()
	s.mu.Unlock()
	if passes {
		s.Advance(s.opts.StepPerLook)
	}
}

// isWaitedFor is true if the service should continue a rotation and no cluster must switch first: one that still reports with older
// credentials of the account. A cluster that never reports never switches.
func (s *Sim) isWaitedFor() bool {
	waits := false
	for _, r := range s.rotations {
		if r.abandoned || r.status == StatusCompleted {
			continue
		}
		waits = true
		for _, t := range s.transfers {
			if t.rotation != r || t.status != StatusAccepted || t.cluster.token == nil {
				continue
			}
			if g := s.byCloudAuth(t.cluster.token()); g != nil && g.account == r.account && g.number < r.issued.number {
				return false
			}
		}
	}
	return waits
}

// ksuidEpoch is where KSUID timestamps start: 2014-05-13T16:53:20Z.
const ksuidEpoch = 1400000000

// newID creates an id like the service's, a KSUID: 27 characters that sort by the second of their creation.
// The real payload is random; here it starts with a counter, so that ids of one second sort by creation too.
func (s *Sim) newID() string { return s.idOf(s.stamp()) }

// idOf creates an id for a time of creation.
func (s *Sim) idOf(created time.Time) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	s.ids++
	raw := make([]byte, 20)
	_, _ = rand.Read(raw[8:])
	n := new(big.Int).SetBytes(raw)
	head := new(big.Int).SetUint64(uint64(max(0, created.Unix()-ksuidEpoch))<<32 | uint64(uint32(s.ids)))
	n.Or(n, head.Lsh(head, 96))

	out := make([]byte, 27)
	base, rem := big.NewInt(62), new(big.Int)
	for i := len(out) - 1; i >= 0; i-- {
		n.DivMod(n, base, rem)
		out[i] = digits[rem.Int64()]
	}
	return string(out)
}

// newUUID makes a random version 4 UUID, as clusters and operation ids have them.
func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// random makes n characters of the alphabet.
func random(n int, alphabet string) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	var out strings.Builder
	for _, c := range b {
		out.WriteByte(alphabet[int(c)%len(alphabet)])
	}
	return out.String()
}
