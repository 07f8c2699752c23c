package capcredentialset

import (
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// hostile is somebody who may edit one Secret of a set and no other: that of ingress, whose role storage has too.
type hostile struct {
	*bench
	rng *mathrand.Rand
	// old are earlier states of the Secret.
	old  []*corev1.Secret
	last string
}

func newHostile(t *testing.T, seed uint64) *hostile {
	b := newBench(t, propertySet())
	b.facts.requests = propertyRequests
	b.round("cap")
	return &hostile{bench: b, rng: mathrand.New(mathrand.NewPCG(seed, 1))}
}

// forge changes anything of the Secret but never puts an older state back.
func (h *hostile) forge() {
	s, found, _ := h.secrets.Get(ingress.Namespace, ingress.Name)
	if !found {
		s = &corev1.Secret{}
	}
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	for range 1 + h.rng.IntN(3) {
		if h.forgeOne(s) {
			h.secrets.put(ingress, nil)
			return
		}
	}
	h.secrets.put(ingress, s)
}

// forgeOne is one of the things that such a person can do; true when he deletes the Secret.
func (h *hostile) forgeOne(s *corev1.Secret) (deleted bool) {
	now := h.clock.Now()
	other, _, _ := h.secrets.Get(machines.Namespace, machines.Name) // suppose that he has seen it
	stamp := now.Add(time.Duration(h.rng.IntN(72)-12) * time.Hour).UTC().Format(time.RFC3339)
	what := h.rng.IntN(12)
	h.last += fmt.Sprint(" ", what)
	switch what {
	case 0:
		s.Annotations[v1alpha1.ExpiresAtAnnotation] = stamp
	case 1:
		s.Annotations[v1alpha1.RefreshedAtAnnotation] = stamp
	case 2:
		s.Annotations[v1alpha1.RefreshedAtAnnotation] = now.UTC().Format(time.RFC3339)
		s.Annotations[v1alpha1.ExpiresAtAnnotation] = now.Add(35 * time.Hour).UTC().Format(time.RFC3339)
	case 3:
		s.Annotations[v1alpha1.RoleAnnotation] = "r" + strconv.Itoa(h.rng.IntN(3))
	case 4:
		s.Data[roleKey] = []byte("r" + strconv.Itoa(h.rng.IntN(3)))
	case 5:
		s.Annotations[v1alpha1.SealAnnotation] = other.Annotations[v1alpha1.SealAnnotation]
	case 6: // all of another Secret
		s.Data, s.Annotations = maps.Clone(other.Data), maps.Clone(other.Annotations)
	case 7:
		s.Data = awscreds.Render(awscreds.Credential{AccessKeyID: "AKIAEVIL", SecretAccessKey: "evil"})
	case 8:
		s.Annotations = map[string]string{}
	case 9:
		delete(s.Data, awscreds.Keys()[h.rng.IntN(4)])
	case 10:
		s.Labels = map[string]string{"x": strconv.Itoa(h.rng.Int())}
		s.Annotations[v1alpha1.ExpiryAnnotation] = "Told"
		s.Annotations[v1alpha1.CredentialSetAnnotation] = "another"
	case 11:
		return true
	}
	return false
}

// others is all that the operator does and says about the other Secrets.
func (h *hostile) others() string {
	var all []string
	for _, row := range h.set("cap").Status.Targets {
		if row.Namespace != ingress.Namespace {
			all = append(all, fmt.Sprintf("%s: %s %s, fetched %s, expires %s, next %s", row.Namespace, row.Result, row.Role, row.RefreshedAt, row.ExpiresAt, row.NextRefresh))
		}
	}
	slices.Sort(all)
	writes := map[types.NamespacedName]int{}
	for _, w := range h.secrets.writes {
		writes[w.ref]++
	}
	for _, r := range []types.NamespacedName{machines, registry, storage} {
		s, _, _ := h.secrets.Get(r.Namespace, r.Name)
		c, err := awscreds.Parse(s.Data)
		all = append(all, fmt.Sprintf("%s: %d writes, role %s until %s, %v", r, writes[r], h.portal.roles[c.AccessKeyID], h.portal.issued[c.AccessKeyID], err))
	}
	return fmt.Sprint(all)
}

// honest looks for a row that misreports its credential.
func (h *hostile) honest() error {
	for _, row := range h.set("cap").Status.Targets {
		if row.Result != v1alpha1.ReasonFresh {
			continue
		}
		s, _, _ := h.secrets.Get(row.Namespace, row.Name)
		c, err := awscreds.Parse(s.Data)
		if err != nil || !h.portal.live(s) || h.portal.roles[c.AccessKeyID] != row.Role || !h.portal.issued[c.AccessKeyID].Equal(row.ExpiresAt.Time) {
			return fmt.Errorf("%s is fresh until %s, and holds a credential of role %q that AWS ends at %s (%w)",
				row.Namespace, row.ExpiresAt, h.portal.roles[c.AccessKeyID], h.portal.issued[c.AccessKeyID], err)
		}
	}
	return nil
}

// TestHostileEdits compares a world with forged edits of one Secret with one without.
func TestHostileEdits_OfOneSecretChangeNoOthersContentRowOrSchedule(t *testing.T) {
	for seed := range uint64(environment("CAPCREDENTIALSET_WALKS", 16)) {
		quiet, edited := newHostile(t, seed), newHostile(t, seed)
		for step := range 40 {
			wait := time.Duration(1+edited.rng.IntN(15*60)) * time.Second
			quiet.pass(wait)
			edited.pass(wait)
			if edited.rng.IntN(3) > 0 {
				edited.forge()
			}
			for range 3 {
				quiet.round("cap")
				edited.round("cap")
			}
			if a, b := quiet.others(), edited.others(); a != b {
				t.Fatalf("seed %d, step %d, after the edits%s:\nwithout them %s\nwith them    %s", seed, step, edited.last, a, b)
			}
			if err := edited.honest(); err != nil {
				t.Fatalf("seed %d, step %d, after the edits%s: %v", seed, step, edited.last, err)
			}
		}
	}
}

// TestAnOlderState is about the one forgery that the seal does not refuse: what the Secret itself has been before, notes and all. Each of
// its words is still true, so at worst it is believed for as long as it always would have been.
func TestAnOlderStatePutBack_IsBelievedNoLongerThanItIsTrue(t *testing.T) {
	for seed := range uint64(environment("CAPCREDENTIALSET_WALKS", 16)) {
		h := newHostile(t, seed)
		for step := range 60 {
			h.pass(time.Duration(1+h.rng.IntN(10*60)) * time.Second)
			s, found, _ := h.secrets.Get(ingress.Namespace, ingress.Name)
			if found {
				h.old = append(h.old, s)
			}
			switch old := h.old[h.rng.IntN(len(h.old))].DeepCopy(); h.rng.IntN(4) {
			case 0:
				h.secrets.put(ingress, old)
			case 1:
				old.UID = "" // the Secret is recreated
				h.secrets.put(ingress, old)
			case 2:
				h.forge()
			}
			for range 3 {
				h.round("cap")
			}
			if err := h.honest(); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			for _, r := range []types.NamespacedName{machines, registry, storage} {
				if s, _, _ := h.secrets.Get(r.Namespace, r.Name); !h.portal.live(s) {
					t.Fatalf("seed %d, step %d: %s holds no live credential", seed, step, r)
				}
			}
		}
	}
}
