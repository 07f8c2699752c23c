package capcredentialset

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// delivery is a credential to deliver to some Secrets.
type delivery struct {
	credential       awscreds.Credential
	role             string
	fetched, expires time.Time
	// expiry says how expires is known.
	expiry v1alpha1.ExpiryKnowledge
	// proven is true if STS has accepted it.
	proven bool
	// from is where it was copied from; empty if it comes from CAP.
	from string
}

// deliver writes a credential to the Secrets that need it, several at a time, and records each outcome.
func (r *reconciler) deliver(ctx context.Context, s *scope, d delivery, rows []int) {
	all := r.writeAll(ctx, s, d, rows)
	var written []types.NamespacedName
	for _, w := range all {
		row := s.plan.Rows[w.row]
		s.remember(func(m *plan.Memory, e *effects) { r.noteWrite(s, m, e, d, row, w) })
		switch {
		case w.err != nil:
			log.FromContext(ctx).Info("A Secret could not be written", "secret", row.Ref.String(), "reason", w.err.reason)
		case w.outcome.kind == wrote:
			written = append(written, row.Ref)
		}
	}
	if len(written) > 0 {
		log.FromContext(ctx).Info("Refreshed", "role", d.role, "secrets", len(written), "expires", d.expires, "copiedFrom", d.from)
		s.remember(func(_ *plan.Memory, e *effects) {
			e.refreshed = append(e.refreshed, refreshed{role: d.role, refs: written, expires: d.expires, from: d.from})
		})
	}
}

// written is what came of a row.
type written struct {
	row     int
	outcome outcome
	err     *writeError
}

// writeAll writes the rows' Secrets, as many side by side as Options.Writers says. It gives what came of them in the order of the rows;
// what was not begun when ctx ended is left out.
func (r *reconciler) writeAll(ctx context.Context, s *scope, d delivery, rows []int) []written {
	all := make([]written, len(rows))
	next := make(chan int)
	begun := 0
	var writers sync.WaitGroup
	for range min(r.Writers, len(rows)) {
		writers.Go(func() {
			for i := range next {
				w := &all[i]
				w.row = rows[i]
				w.outcome, w.err = r.write(ctx, s, s.plan.Rows[w.row], d)
			}
		})
	}
	for ; begun < len(rows) && ctx.Err() == nil; begun++ {
		next <- begun
	}
	close(next)
	writers.Wait()
	return all[:begun]
}

// noteWrite notes what came of a row. The caller holds the lock of the memory.
func (r *reconciler) noteWrite(s *scope, m *plan.Memory, e *effects, d delivery, row plan.Row, w written) {
	now := r.now()
	if w.err != nil {
		m.Writes[row.Ref] = m.Writes[row.Ref].Again(w.err.reason, w.err.message, now, time.Time{}, plan.WriteRhythm)
		countFailure(s.set.Name, d.role, w.err.reason)
		return
	}
	delete(m.Writes, row.Ref)
	if d.proven {
		m.Asked[w.outcome.hash] = now
		delete(m.Refused, w.outcome.hash)
	}
	switch w.outcome.kind {
	case kept:
		delete(m.Suspect, w.outcome.hash)
		m.Confirmed[row.Ref] = plan.Confirmation{Hash: w.outcome.hash, Role: d.role, FetchedAt: d.fetched, ExpiresAt: w.outcome.expires, Expiry: w.outcome.expiry}
	case wrote:
		delete(m.Confirmed, row.Ref)
		m.Kept[row.Ref] = true
		m.Written[row.Ref.Namespace] = d.fetched
		countWrite(s.set.Name)
		if row.SetsRight() {
			m.Healed(row.Ref, row.Writer, now)
		}
		if row.Why == plan.WhyEdited {
			e.healed = append(e.healed, healed{row.Ref, row.Writer})
		}
	}
}
