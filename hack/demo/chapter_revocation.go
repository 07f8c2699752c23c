package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// awaitRevocation is the end of a rotation: the account's other clusters switch, OCM deletes the old credentials, and only
// then reports it.
func (w *world) awaitRevocation(ctx context.Context) error {
	r, err := w.untilRotation(ctx, "the operator waits for the end of the old credentials", func(r *v1alpha1.PullSecretRotation) error {
		if reason(r) != v1alpha1.ReasonAwaitingRevocation {
			return waiting("%s", phase(r))
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.tell.line(says, "%s", message(r))
	if err := w.othersSwitch(ctx, r.Status.Rotation.ID); err != nil {
		return err
	}
	r, err = w.untilRotation(ctx, "the operator has noticed the end", func(r *v1alpha1.PullSecretRotation) error {
		if r.Status.Rotation.RevokedAt == nil || reason(r) != v1alpha1.ReasonNotDue {
			return waiting("%s", phase(r))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.oldIsDead(ctx); err != nil {
		return err
	}
	w.tell.line(says, "%s", message(r))
	w.ledger.tell(serviceOCM, serviceRegistries)
	posts := w.ocm.Count(ocm.OpPostRotation)
	w.tell.line(asked, "API server: %s", list(w.ledger.since(serviceAPI)))
	all, sum := w.ledger.counts(serviceOCM), 0
	for _, n := range all {
		sum += n
	}
	w.tell.say("That was the whole rotation: %d requests to OCM, of which %d requested a rotation.", sum, posts)
	w.tell.line(asked, "OCM, from the beginning: %s", list(all))
	if posts != 1 {
		return errors.New("it must be one")
	}
	return nil
}

// othersSwitch lets OCM's days pass until it has deleted the old credentials, and reports who switched when.
func (w *world) othersSwitch(ctx context.Context, id string) error {
	from := w.ocm.Now()
	told := map[string]bool{}
	all := append([]sibling{{harness.DefaultClusterID, "this-cluster", "the operator"}}, w.siblings...)
	return w.until(ctx, "every cluster has switched and OCM has deleted the old credentials", func(ctx context.Context) error {
		passed := hours(w.ocm.Now().Sub(from))
		var open []string
		for _, c := range all {
			switch {
			case told[c.id]:
			case w.switched(c.id, id):
				told[c.id] = true
				w.tell.line(happens, "%4s later: %s reports to OCM with the new credentials (%s)", passed, c.name, c.who)
			default:
				open = append(open, c.name)
			}
		}
		if r, ok := w.rotation(); ok && r.Status == ocm.StatusCompleted {
			w.tell.line(happens, "%4s later: OCM has deleted the old credentials, and says %q", passed, r.Status)
			return nil
		}
		w.hourPasses(ctx)
		if len(open) == 0 {
			return waiting("every cluster has switched; OCM's next batch deletes the old credentials: %s so far", passed)
		}
		return waiting("OCM keeps the old credentials for %s: %s of its time so far", and(open), passed)
	})
}

// switched says whether a cluster has completed its transfer of the rotation.
func (w *world) switched(cluster, rotation string) bool {
	for _, t := range w.ocm.Transfers(cluster) {
		if t.RotationID == rotation && t.Status == ocm.StatusCompleted {
			return true
		}
	}
	return false
}

// oldIsDead checks quay.io and the simulated directory of valid credentials behind all registries.
func (w *world) oldIsDead(ctx context.Context) error {
	after, err := w.document(ctx)
	if err != nil {
		return err
	}
	old, err := w.probe(ctx, w.before, ocm.Quay)
	if err != nil {
		return err
	}
	current, err := w.probe(ctx, after, ocm.Quay)
	if err != nil {
		return err
	}
	if !old.Outcome.Refused() || current.Outcome.Refused() {
		return fmt.Errorf("quay.io says of the old credential %s, of the new one %s", old.Outcome, current.Outcome)
	}
	w.tell.line(proved, "quay.io says about the old credential: %s; about the new one: %s.", old.Outcome, current.Outcome)
	w.tell.line(proved, "the simulated directory of valid credentials says about each entry, old and new:")
	own, _, err := accountsEntries(after)
	if err != nil {
		return err
	}
	for _, name := range own {
		if w.alive(w.before, name) || !w.alive(after, name) {
			return fmt.Errorf("%s: the old credential still works or the new one does not", name)
		}
		w.tell.more("%-28s old %s, new %s", name, w.tell.paint(red, "dead"), w.tell.paint(green, "alive"))
	}
	return nil
}
