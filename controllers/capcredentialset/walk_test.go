package capcredentialset

import (
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// walk is a random history, and what has been seen on the way. property_test.go has what must hold in each.
type walk struct {
	*bench
	rng *mathrand.Rand
	// story is what happened, for whoever has to understand a failure.
	story []string
	// blind is true when a process died while the clock was wrong: nobody is left who could know that it was set.
	blind bool
	seen  int
	// misled is when credentials may last have come that are believed to live for longer than they do.
	misled time.Time
	old    map[types.NamespacedName][]*corev1.Secret
	// offset of the cluster's clock from the truth.
	offset time.Duration
	// unwell is when something was last wrong that the operator cannot help; dead is since when a Secret has been dead after that.
	unwell time.Time
	dead   map[types.NamespacedName]time.Time
	// patient is true of a role whose bad answers all need a person.
	patient map[string]bool
	counts
}

var walkRefs = []types.NamespacedName{machines, registry, ingress, storage}

func (w *walk) tell(format string, args ...any) {
	w.story = append(w.story, w.truth.Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

func (w *walk) fail(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.story[max(0, len(w.story)-40):] {
		w.t.Log(line)
	}
	w.t.Fatalf(format, args...)
}

// move is one thing that happens in the world. How often each comes is how often it stands in moves.
type move func(w *walk)

var moves = []move{
	(*walk).nap, (*walk).nap, (*walk).live, (*walk).live, (*walk).sleep, (*walk).jump, (*walk).someEdit, (*walk).someEdit, (*walk).badAnswer, (*walk).badAnswer,
	(*walk).goodAnswers, (*walk).portalHabits, (*walk).lightFuse, (*walk).quicker, (*walk).restarts, (*walk).policy, (*walk).policy, (*walk).facts_, (*walk).hashKey_, (*walk).verification,
}

// step is one move, and as many rounds as follow at once.
func (w *walk) step() {
	moves[w.rng.IntN(len(moves))](w)
	w.judgeWell()
	for range 3 {
		w.watch()
	}
}

func pick[T any](w *walk, all ...T) T { return all[w.rng.IntN(len(all))] }

// nap is a while in which nobody looks: the process hangs, or the machine does.
func (w *walk) nap() {
	d := time.Duration(w.rng.IntN(40*60)) * time.Second
	w.tell("%s pass", d)
	w.pass(d)
	w.unwell = w.truth
}

func (w *walk) sleep() {
	d := time.Duration(w.rng.IntN(3*24)) * time.Hour
	w.tell("the cluster sleeps for %s", d)
	w.pass(d)
	w.unwell = w.truth
}

// jump sets the cluster's clock wrong, or right again.
func (w *walk) jump() {
	offset := pick(w, 0, 0, -25*time.Minute, 25*time.Minute, -7*time.Hour, 7*time.Hour, -24*365*time.Hour)
	w.tell("the clock is %s off", offset)
	w.offset = offset
	w.clock.SetTime(w.truth.Add(offset))
	w.unwell = w.truth
}

// badAnswer is one that must not reach a Secret, or several that take turns. What is wrong with a body is internal/cap's to find; here
// is what it says.
func (w *walk) badAnswer() {
	role := "r" + strconv.Itoa(w.rng.IntN(2))
	var classes []cap.Class
	w.patient[role] = true
	for range 1 + w.rng.IntN(3) {
		class := pick(w, cap.Classes()...)
		classes = append(classes, class)
		w.patient[role] = w.patient[role] && class.Rhythm().Patient
	}
	var retryAfter time.Duration
	if w.rng.IntN(4) == 0 {
		retryAfter = time.Duration(w.rng.IntN(7200)) * time.Second
	}
	w.tell("the portal answers %v for %s, and asks for %s", classes, role, retryAfter)
	n := 0
	w.portal.answers[role] = func() (awscreds.Credential, error) {
		n++
		return awscreds.Credential{}, &cap.Error{Class: classes[n%len(classes)], Message: "m", RetryAfter: retryAfter}
	}
}

func (w *walk) goodAnswers() {
	w.tell("the portal answers well")
	clear(w.portal.answers)
	w.portal.keyless = false
}

func (w *walk) portalHabits() {
	p := w.portal
	p.quiet, p.tokenless, p.reuse, p.dateless = w.rng.IntN(3) == 0, w.rng.IntN(3) == 0, w.rng.IntN(3) == 0, w.rng.IntN(3) == 0
	p.unreadable, p.zoneless, p.keyless = w.rng.IntN(5) == 0, w.rng.IntN(5) == 0, w.rng.IntN(5) == 0
	p.lifetime = pick(w, time.Hour, 2*time.Minute, 15*time.Minute, 12*time.Hour)
	w.tell("the portal: quiet %v, tokenless %v, dateless %v, reuse %v, unreadable %v, zoneless %v, keyless %v, lifetime %s",
		p.quiet, p.tokenless, p.dateless, p.reuse, p.unreadable, p.zoneless, p.keyless, p.lifetime)
}

func (w *walk) lightFuse() {
	w.fuse.left, w.fuse.after = w.rng.IntN(4), w.rng.IntN(2) == 0
	w.tell("the process is killed at effect %d (after it: %v)", w.fuse.left, w.fuse.after)
}

func (w *walk) quicker() {
	w.secrets.interfere = func(at types.NamespacedName) {
		w.secrets.interfere = nil
		w.edit(at)
	}
	w.tell("somebody will be quicker than the next write")
}

func (w *walk) restarts() {
	w.tell("a restart")
	w.blind = w.blind || w.offset != 0
	w.start()
}

// policy is an edit of the spec.
func (w *walk) policy() {
	w.change(func(spec *v1alpha1.CAPCredentialSetSpec) {
		switch w.rng.IntN(5) {
		case 0:
			spec.Refresh.AtLifetimePercent = pick(w, int32(10), 50, 90)
		case 1:
			spec.Refresh.JitterPercent = ptr.To(pick(w, int32(0), 10, 40))
		case 2, 3:
			assume(pick(w, time.Minute, 15*time.Minute, time.Hour, 12*time.Hour))(spec)
		case 4:
			spec.CredentialsRequests.Roles[w.rng.IntN(2)].Role = pick(w, "r0", "r1")
		}
		w.tell("the spec: at %d %%, jitter %v, assumed %v, roles %v", spec.Refresh.AtLifetimePercent, ptr.Deref(spec.Refresh.JitterPercent, -1), spec.Refresh.AssumedLifetime, spec.CredentialsRequests.Roles)
	})
}

// facts_ makes the cluster unknown, or known again.
func (w *walk) facts_() {
	w.facts.unknown = !w.facts.unknown && w.rng.IntN(2) == 0
	w.tell("the CredentialsRequests are unknown: %v", w.facts.unknown)
}

// hashKey_ loses or damages the key of the content hash, which the next process finds.
func (w *walk) hashKey_() {
	key := ref(operatorNamespace, hashKeySecret)
	w.secrets.updates, w.blindness = nil, false
	switch w.rng.IntN(3) {
	case 0:
		w.tell("the hash key is lost")
		w.secrets.put(key, nil)
	case 1:
		w.tell("the hash key is damaged")
		w.secrets.put(key, &corev1.Secret{Data: map[string][]byte{hashKeyKey: []byte("short")}})
	case 2:
		w.tell("the hash key is damaged and cannot be fixed")
		w.secrets.put(key, &corev1.Secret{Data: map[string][]byte{hashKeyKey: []byte("short")}})
		w.secrets.updates, w.blindness = errors.New("no"), true
	}
	if w.rng.IntN(2) == 0 {
		w.restarts()
	}
}

// verification has STS asked, or not.
func (w *walk) verification() {
	w.sts.away = w.rng.IntN(3) == 0
	w.change(func(spec *v1alpha1.CAPCredentialSetSpec) {
		spec.Verification.STS = pick(w, v1alpha1.STSOff, v1alpha1.STSBestEffort)
		w.tell("STS is asked: %s, and is away: %v", spec.Verification.STS, w.sts.away)
	})
}

func (w *walk) someEdit() { w.edit(walkRefs[w.rng.IntN(len(walkRefs))]) }

// edit is what people and other programs do to a Secret.
func (w *walk) edit(r types.NamespacedName) {
	s, found, _ := w.secrets.Get(r.Namespace, r.Name)
	if !found {
		s = &corev1.Secret{Data: map[string][]byte{"role": []byte("r0")}}
	}
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	what := w.rng.IntN(8)
	w.tell("somebody edits %s: %d", r, what)
	switch what {
	case 0:
		w.secrets.put(r, nil)
		return
	case 1:
		s.Data["credentials"] = []byte("[default]\naws_access_key_id = \n")
	case 2:
		for _, k := range awscreds.Keys() {
			delete(s.Data, k)
		}
	case 3:
		s.Annotations = nil
	case 4:
		s.Labels = map[string]string{"x": strings.ToLower(rand.Text())}
	case 5: // the CronJob of before: the same portal, no token
		w.portal.mu.Lock()
		c := w.portal.issue("r0")
		w.portal.mu.Unlock()
		c.SessionToken = ""
		delete(s.Data, awscreds.KeySessionToken)
		for k, v := range awscreds.Render(c) {
			s.Data[k] = v
		}
	case 6: // a backup is restored
		if all := w.old[r]; len(all) > 0 {
			s = all[w.rng.IntN(len(all))].DeepCopy()
			s.UID = ""
		}
	case 7:
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		s.Annotations[v1alpha1.ExpiresAtAnnotation] = "9999-01-01T00:00:00Z"
	}
	w.secrets.put(r, s)
}
