package pullsecretrotation

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// The wide_*_test.go files are a wider world around the real reconciler: nothing of the operator is mirrored, each of its moves is one
// Reconcile with an API server, an OCM and registries in memory. It has two accounts, two targets with different owners, several entries in
// each, every status of a record, clock skew, edits of the spec and long outages. A reconcile is one move, which may crash after any of its
// effects; changes between two steps of a reconcile are covered by the model (model_*_test.go).
//
// A state is a value: data behind its pointers is replaced and never changed, so states can be copied.

// The times of the wide world. A tick is longer than each requeue interval, so that everything due is done in the next reconcile.
const (
	wideTick   = 2 * time.Hour
	wideWindow = 5 * wideTick
	wideMargin = wideTick + wideTick/2
	wideHealth = wideTick + wideTick/2
)

// wideStart is T, by every clock.
var wideStart = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

var wideTiming = decide.Timing{
	PollMin: wideTick / 2, PollMax: wideTick / 2, RevokePollMin: wideTick / 2, RevokePollMax: wideTick / 2, PoolPoll: wideTick / 2,
	OCMTimeout: time.Minute, RequestSpread: wideTick / 2, LookPace: time.Nanosecond, VerifyRetry: wideTick / 2, VerifyDeadline: wideTick + wideTick/2,
	ProofRetry: wideTick / 2, ProofPatience: wideTick + wideTick/2, ProofInterval: wideTick,
	Window: wideWindow, WindowMargin: wideMargin, IssueDeadline: wideTick + wideTick/2, RevokeDeadline: wideTick + wideTick/2,
}

// The two accounts. The cluster belongs to the first one unless that is changed.
const (
	ours   = 0
	theirs = 1
)

var accountNames = [2]string{"ours", "theirs"}

// The registries of a pull secret. The cluster's own token for OCM shares its login with Quay.
const (
	quay = iota
	redhat
	cloud
	registryCount
)

var registryNames = [registryCount]string{"quay.io", "registry.redhat.io", telemetryRegistry}

// aliasKey is a customer's key that may also have the account's credential; mirrorKey has the customer's login.
const (
	aliasKey  = "quay.io/openshift-release-dev"
	mirrorKey = "mirror.example.com"
)

// set identifies a set of credentials by account and generation.
type set struct{ account, generation int8 }

// maxGenerations limits those of one account.
const maxGenerations = 6

// holder is the state of a target Secret.
type holder struct {
	document   string
	good       string // the last document that could be parsed
	ours       bool   // the operator was the last to write it
	unwritable bool   // an admission policy refuses changes
}

// wideRotation is a record in OCM with the transfers that belong to it.
type wideRotation struct {
	id               string
	account          int8
	status           string
	created, updated time.Time
	issued           int8   // generation; none before the batch
	old              uint16 // generations that its end deletes
	mine, sibling    transfer
	expires          time.Time
}

// ending is true if the record has ended in any way.
func (r *wideRotation) ending() bool { return r.status != decide.RotationPending }

// wideAccount is an account's credentials.
type wideAccount struct {
	newest     int8
	before     int8 // the newest before the last run of the batch
	alive      uint16
	registered uint16 // with whose token a cluster has reported
	seen       uint16 // that OCM has returned to the operator
}

// answers is a registry's behaviour.
type answers int8

const (
	answersTruly answers = iota
	answersNot           // it cannot be reached
	answersLate          // it does not know the newest generation yet
	answersOld           // it accepts what OCM has deleted
)

// wideSpec is the variable part of the spec.
type wideSpec struct {
	mode            v1alpha1.RotationMode
	suspended       bool
	after           time.Time // rotateAfter; zero for none
	cron            string
	credential      int8 // the account of the OCM credential; none without one
	pin             int8
	hub, addMissing bool
	neverBack       bool
	policy          v1alpha1.VerificationPolicy // of registry.redhat.io; empty for the default
}

// wideBudget limits the adversary's further moves.
type wideBudget struct {
	crashes, away, late, old, lag, ocmDown, odd, others, people, edits, pools, breaks, writes, naps, fortnights int8
}

// wide is one state.
type wide struct {
	now       time.Time // by OCM's clock
	object    *v1alpha1.PullSecretRotation
	memory    memory // of the operator's process
	forgotten bool   // the process has no proof for the current state
	spec      wideSpec
	targets   [2]holder
	backups   []*corev1.Secret
	accounts  [2]wideAccount
	rotations []wideRotation // oldest first
	registry  [registryCount]answers
	lagging   bool // OCM returns the generation before the newest
	ocmAway   bool
	stuck     bool // the pool is degraded
	rendered  string
	looked    bool // the operator has reconciled since the last tick
	posts     int8 // requested for this T
	accepted  [2][registryCount]uint16
	refused   [2][registryCount]uint16
	heardAt   [2][registryCount][maxGenerations]int32 // minutes after the beginning at which a registry last accepted a set
	left      wideBudget
	broken    string
}

func (w *wide) fail(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

func bit16(g int8) uint16 {
	if g < 0 {
		return 0
	}
	return 1 << g
}

func (w *wide) alive(s set) bool { return w.accounts[s.account].alive&bit16(s.generation) != 0 }

// wideCredential is the user name and the password of a set at a registry.
func wideCredential(s set, registry int) (user, password string) {
	if registry == redhat {
		return fmt.Sprintf("uhc-pool-%d%d", s.account, s.generation), fmt.Sprintf("redhat-%d-%d", s.account, s.generation)
	}
	return fmt.Sprintf("openshift-release-dev+ocm_access_%d%d", s.account, s.generation), fmt.Sprintf("quay-%d-%d", s.account, s.generation)
}

// wideAuths map an entry's text to its set.
var wideAuths = func() map[string]set {
	all := map[string]set{}
	for a := range int8(2) {
		for g := range int8(maxGenerations) {
			for r := range registryCount {
				all[wideAuth(set{a, g}, r)] = set{a, g}
			}
		}
	}
	return all
}()

func wideAuth(s set, registry int) string {
	user, password := wideCredential(s, registry)
	return basicAuth(user, password)
}

// wideFingerprint is the fingerprint of an entry in the status.
func wideFingerprint(s set, registry int) string {
	user, password := wideCredential(s, registry)
	return pullsecret.NewFingerprinter(wideSalt).Of(pullsecret.Entry{Registry: registryNames[registry], Username: user, Password: password})
}

const wideSalt = "salt"

// entryOf is one entry of a document.
type entryOf struct{ key, auth, email string }

// documentOf is a pull secret exactly as the operator writes it.
func documentOf(entries []entryOf) string {
	var b strings.Builder
	b.WriteString(`{"auths":{`)
	for i, e := range entries {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:{%q:%q", e.key, "auth", e.auth)
		if e.email != "" {
			fmt.Fprintf(&b, ",%q:%q", "email", e.email)
		}
		b.WriteByte('}')
	}
	b.WriteString(`}}`)
	return b.String()
}

// given is OCM's document of a set.
func given(s set) string {
	email := accountNames[s.account] + "@example.com"
	return documentOf([]entryOf{
		{registryNames[cloud], wideAuth(s, cloud), email}, {registryNames[quay], wideAuth(s, quay), email}, {registryNames[redhat], wideAuth(s, redhat), email},
	})
}

// hostIndex is the registry of a key; -1 for others.
func hostIndex(key string) int {
	host, _, _ := strings.Cut(key, "/")
	return slices.Index(registryNames[:], host)
}

// clusterNow is the time by the cluster's clock.
func (w *wide) clusterNow(skew time.Duration) time.Time { return w.now.Add(skew) }

// build makes the spec.
func (p wideSpec) build() v1alpha1.PullSecretRotationSpec {
	spec := v1alpha1.PullSecretRotationSpec{
		Mode: p.mode, Suspend: p.suspended, Approval: v1alpha1.ApprovalNone, SiblingClusters: v1alpha1.SiblingsAllow,
		Rollback: v1alpha1.RollbackAutomatic, HealthCheckInterval: &metav1.Duration{Duration: wideHealth}, Targets: []v1alpha1.SecretReference{decide.GlobalPullSecret},
	}
	spec.Entries.Foreign = v1alpha1.ForeignKeep
	spec.Rollout.WaitForPools, spec.Rollout.Timeout = ptr.To(true), &metav1.Duration{Duration: wideTick + wideTick/2}
	if !p.after.IsZero() && p.mode != v1alpha1.ModeFollow {
		spec.RotateAfter = decide.TimePtr(p.after)
	}
	if p.cron != "" && p.mode != v1alpha1.ModeFollow {
		spec.Schedule = &v1alpha1.RotationSchedule{Cron: p.cron}
	}
	if p.credential >= 0 {
		spec.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: accountNames[p.credential]}
	}
	if p.pin >= 0 {
		spec.OCM.AccountID = accountNames[p.pin]
	}
	if p.hub {
		spec.Targets = append(spec.Targets, hubTarget)
	}
	if p.addMissing {
		spec.Entries.AddMissing = []string{registryNames[redhat]}
	}
	if p.neverBack {
		spec.Rollback = v1alpha1.RollbackNever
	}
	if p.policy != "" {
		spec.Verification = []v1alpha1.RegistryVerification{{Registry: registryNames[redhat], Policy: p.policy}}
	}
	return spec
}

// hubTarget is the second target, as a hub has for a cluster that it installs.
var hubTarget = v1alpha1.SecretReference{Namespace: "hive", Name: "pull"}

var wideTargets = [2]v1alpha1.SecretReference{decide.GlobalPullSecret, hubTarget}

// edit changes the object as a user.
func (w *wide) edit(change func(*wideSpec)) {
	change(&w.spec)
	o := w.object.DeepCopy()
	o.Spec, o.Generation = w.spec.build(), o.Generation+1
	w.object, w.forgotten = o, true
}

// put writes a target as another writer than the operator.
func (w *wide) put(target int, document string) {
	h := &w.targets[target]
	h.document, h.ours = document, false
	if document != unreadable {
		h.good = document
	}
	w.forgotten = true
}

// unreadable is a broken document.
const unreadable = `{"auths":`

// entries of a target, by key.
func (w *wide) entries(target int) map[string]set { return setsOf(w.targets[target].document) }

// setsOf are the sets of a document's entries, by key; an entry of the customer's own has the set nobody.
func setsOf(document string) map[string]set {
	if known, ok := knownDocuments.Load(document); ok {
		return known.(map[string]set)
	}
	doc := parse([]byte(document))
	if doc == nil {
		return nil
	}
	out := map[string]set{}
	for _, name := range doc.Registries() {
		e, _ := doc.Entry(name)
		s, known := wideAuths[e.Auth()]
		if !known {
			s = nobody
		}
		out[name] = s
	}
	knownDocuments.Store(document, out)
	return out
}

// knownDocuments caches parsed documents; there are few.
var knownDocuments sync.Map

// nobody is the owner of the customer's own entries.
var nobody = set{none, none}

// owner of a target: the account of its token for OCM, or where it has none, of any entry of an account.
func (w *wide) owner(target int) int8 {
	entries := w.entries(target)
	if s, ok := entries[registryNames[cloud]]; ok {
		return s.account
	}
	for _, name := range registryNames {
		if s, ok := entries[name]; ok && s.account >= 0 {
			return s.account
		}
	}
	return none
}

// proven is the account of a target's own token for OCM; false without a valid token.
func (w *wide) proven(target int) (int8, bool) {
	s, ok := w.entries(target)[registryNames[cloud]]
	return s.account, ok && s.account >= 0 && w.alive(s)
}

// serves reports whether the operator must keep a target valid.
func (w *wide) serves(target int) bool {
	return (target == 0 || w.spec.hub) && w.spec.credential != theirs && w.spec.pin != theirs && w.owner(target) == ours
}

// dead are the entries of a target whose credential is dead.
func (w *wide) dead(target int) []string {
	var list []string
	for key, s := range w.entries(target) {
		if s.account >= 0 && !w.alive(s) {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}

// behind is true if an entry of a target is not of its account's newest set.
func (w *wide) behind(target int) bool {
	for _, s := range w.entries(target) {
		if s.account >= 0 && s.generation != w.accounts[s.account].newest {
			return true
		}
	}
	return false
}
