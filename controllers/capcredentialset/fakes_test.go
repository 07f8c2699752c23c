package capcredentialset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

// errDead is what a process that was killed gets of the world.
var errDead = errors.New("the process is dead")

// fuse kills the process at one of its effects: before it happens, or after it has and before the process learns of it.
type fuse struct {
	mu    sync.Mutex
	left  int // effects until then; negative: never
	after bool
	dead  bool
	kill  context.CancelFunc
}

// burn is asked at each effect. happens: it does. known: the process learns of it.
func (f *fuse) burn() (happens, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return false, false
	}
	if f.left--; f.left != -1 {
		return true, true
	}
	f.dead = true
	f.kill()
	return f.after, false
}

// secretWrite is a write by the operator.
type secretWrite struct {
	ref           types.NamespacedName
	before, after *corev1.Secret
	// patched is true of a strategic merge patch, else it was an apply.
	patched bool
	// creating is true when there was nothing when it was decided. Server-side apply cannot be told to create only, so what
	// somebody else creates in the same moment is merged with it.
	creating bool
}

// fakeSecrets is the API server as far as single Secrets go, and the watch of them, which is always up to date.
type fakeSecrets struct {
	mu      sync.Mutex
	objects map[types.NamespacedName]*corev1.Secret
	version int
	fuse    *fuse
	// owners are the managedFields, as far as they are about data.
	owners map[types.NamespacedName]owners
	// interfere runs before each write of the operator, as a faster writer.
	interfering sync.Mutex
	interfere   func(types.NamespacedName)
	// refuse is what the API server says to a write; nil: it takes it.
	refuse func(types.NamespacedName) error
	writes []secretWrite
	// updates is what the API server says to an update; nil: it takes it.
	updates error
	reads   int
}

func (f *fakeSecrets) Watch(string, ...types.NamespacedName) {}
func (f *fakeSecrets) Forget(string)                         {}
func (f *fakeSecrets) Err(string, string) error              { return nil }
func (f *fakeSecrets) Observe(*corev1.Secret)                {}
func (f *fakeSecrets) Note(*corev1.Secret, any)              {}
func (f *fakeSecrets) Noted(string, string) any              { return nil }

func (f *fakeSecrets) Get(namespace, name string) (*corev1.Secret, bool, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.objects[ref(namespace, name)]
	return s.DeepCopy(), s != nil, true
}

// put is a write by another writer; nil deletes.
func (f *fakeSecrets) put(r types.NamespacedName, s *corev1.Secret) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.putLocked(r, s)
}

// putLocked is put for a caller that holds the lock.
func (f *fakeSecrets) putLocked(r types.NamespacedName, s *corev1.Secret) {
	f.disown(r, s, somebody)
	f.store(r, s)
}

func (f *fakeSecrets) store(r types.NamespacedName, s *corev1.Secret) {
	f.version++
	if s == nil {
		delete(f.objects, r)
		return
	}
	s = s.DeepCopy()
	s.Namespace, s.Name, s.ResourceVersion = r.Namespace, r.Name, strconv.Itoa(f.version)
	if s.UID == "" {
		s.UID = types.UID(fmt.Sprint("uid-", f.version))
	}
	s.ManagedFields = f.owners[r].entries()
	f.objects[r] = s
}

// Secrets implements corev1client.SecretsGetter.
func (f *fakeSecrets) Secrets(namespace string) corev1client.SecretInterface {
	return &fakeNamespace{api: f, namespace: namespace}
}

// fakeNamespace has the few methods that the controller uses; any other is a nil pointer.
type fakeNamespace struct {
	corev1client.SecretInterface
	api       *fakeSecrets
	namespace string
}

func (n *fakeNamespace) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	f := n.api
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	if s := f.objects[ref(n.namespace, name)]; s != nil {
		return s.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

func (n *fakeNamespace) Create(_ context.Context, s *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	f := n.api
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store(ref(n.namespace, s.Name), s)
	return f.objects[ref(n.namespace, s.Name)].DeepCopy(), nil
}

func (n *fakeNamespace) Update(_ context.Context, s *corev1.Secret, _ metav1.UpdateOptions) (*corev1.Secret, error) {
	f := n.api
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.updates != nil {
		return nil, f.updates
	}
	f.store(ref(n.namespace, s.Name), s)
	return f.objects[ref(n.namespace, s.Name)].DeepCopy(), nil
}

// Patch applies the operator's patches: a strategic merge patch, which must have a precondition, or a server-side apply, which has one and force
// unless it creates: then it must have a deadline, after which it is not sent. Neither has the API server read the body twice.
func (n *fakeNamespace) Patch(ctx context.Context, name string, kind types.PatchType, body []byte, o metav1.PatchOptions, _ ...string) (*corev1.Secret, error) {
	want := corev1ac.Secret(name, n.namespace)
	err := json.Unmarshal(body, want)
	switch {
	case err != nil:
	case o.FieldValidation != metav1.FieldValidationIgnore || o.FieldManager != managedfields.Operator:
		err = fmt.Errorf("a patch with field validation %q by %q", o.FieldValidation, o.FieldManager)
	case kind == types.StrategicMergePatchType && want.ResourceVersion != nil && o.Force == nil:
		return n.write(want, updating)
	case kind == types.ApplyPatchType && want.ResourceVersion == nil && !ends(ctx, actWithin):
		err = errors.New("a Secret is created without a deadline")
	case kind == types.ApplyPatchType && o.Force != nil && *o.Force == (want.ResourceVersion != nil):
		return n.write(want, applying)
	default:
		err = fmt.Errorf("a patch of type %s with precondition %v and force %v", kind, want.ResourceVersion != nil, o.Force)
	}
	return nil, err
}

// ends is true for a context that ends within d.
func ends(ctx context.Context, d time.Duration) bool {
	at, ok := ctx.Deadline()
	return ok && time.Until(at) <= d
}

// write is one by the operator.
func (n *fakeNamespace) write(want *corev1ac.SecretApplyConfiguration, by writer) (*corev1.Secret, error) {
	f := n.api
	happens, known := f.fuse.burn()
	if !happens {
		return nil, errDead
	}
	r := ref(n.namespace, *want.Name)
	f.interfering.Lock()
	if f.interfere != nil {
		f.interfere(r)
	}
	f.interfering.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		if err := f.refuse(r); err != nil {
			return nil, err
		}
	}
	there := f.objects[r]
	if want.ResourceVersion != nil {
		if there == nil {
			return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, r.Name)
		}
		if there.ResourceVersion != *want.ResourceVersion || there.UID != *want.UID {
			return nil, apierrors.NewConflict(schema.GroupResource{Resource: "secrets"}, r.Name, errors.New("it has changed"))
		}
	}
	f.merge(r, want, by)
	f.writes = append(f.writes, secretWrite{ref: r, before: there, after: f.objects[r].DeepCopy(), patched: by == updating, creating: want.ResourceVersion == nil})
	if !known {
		return nil, errDead
	}
	return f.objects[r].DeepCopy(), nil
}

// merge stores what is there with what is wanted. The caller holds the lock.
func (f *fakeSecrets) merge(r types.NamespacedName, want *corev1ac.SecretApplyConfiguration, by writer) {
	after := f.objects[r].DeepCopy()
	if after == nil {
		after = &corev1.Secret{Type: corev1.SecretTypeOpaque}
	}
	after.Data, after.Annotations = maps.Clone(after.Data), maps.Clone(after.Annotations)
	if after.Data == nil {
		after.Data = map[string][]byte{}
	}
	if after.Annotations == nil {
		after.Annotations = map[string]string{}
	}
	if by == applying {
		for k := range f.owners[r][applying] {
			if _, ok := want.Data[k]; !ok && f.owners[r].alone(k) {
				delete(after.Data, k)
			}
		}
	}
	maps.Copy(after.Data, want.Data)
	maps.Copy(after.Annotations, want.Annotations)
	f.disown(r, after, by)
	if by == applying {
		f.owners[r].set(applying, want.Data)
	}
	f.store(r, after)
}

// sameKeys says whether two Secrets are alike in what the operator writes.
func sameKeys(a, b *corev1.Secret) bool {
	if a == nil || b == nil {
		return a == b
	}
	for _, k := range awscreds.Keys() {
		x, hasX := a.Data[k]
		y, hasY := b.Data[k]
		if hasX != hasY || !bytes.Equal(x, y) {
			return false
		}
	}
	return true
}

// fakePortal issues credentials, or returns the response that is set for a role.
type fakePortal struct {
	mu sync.Mutex
	// truth is the time that AWS and the portal live in; clock is the cluster's.
	truth func() time.Time
	clock clock.PassiveClock
	// answers are those for a role that are not good.
	answers  map[string]func() (awscreds.Credential, error)
	lifetime time.Duration
	// quiet leaves the expiry out of the answers; tokenless the session token; dateless the portal's time.
	quiet, tokenless, dateless bool
	// reuse gives the last credential of a role again for as long as it lives.
	reuse  bool
	last   map[string]awscreds.Credential
	issued map[string]time.Time // by access key id: when AWS ends it
	roles  map[string]string    // by access key id
	calls  map[string]int
	fuse   *fuse
	// takes lets the time pass that an answer takes.
	takes func()
	// unreadable gives an expiry that is no time, zoneless one of a zone far to the east, without saying so; keyless gives a temporary
	// key without its token.
	unreadable, zoneless, keyless bool
	// skew is what the client says of the portal's clock.
	skew      time.Duration
	skewKnown bool
}

func newFakePortal(truth func() time.Time, c clock.PassiveClock, f *fuse) *fakePortal {
	return &fakePortal{
		truth: truth, clock: c, lifetime: time.Hour, fuse: f, answers: map[string]func() (awscreds.Credential, error){},
		last: map[string]awscreds.Credential{}, issued: map[string]time.Time{}, roles: map[string]string{}, calls: map[string]int{},
	}
}

func (p *fakePortal) Close() {}

func (p *fakePortal) Skew() (time.Duration, bool) { return p.skew, p.skewKnown }

func (p *fakePortal) Fetch(ctx context.Context, role string) (awscreds.Credential, error) {
	if happens, known := p.fuse.burn(); !happens || !known {
		return awscreds.Credential{}, &cap.Error{Class: cap.Unavailable, Message: "dead"}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[role]++
	if p.takes != nil {
		p.takes()
	}
	if answer := p.answers[role]; answer != nil {
		return answer()
	}
	c := p.last[role]
	if !p.reuse || c.AccessKeyID == "" || !p.issued[c.AccessKeyID].After(p.truth()) {
		c = p.issue(role)
	}
	return p.judged(ctx, c)
}

// judged is what the client makes of the answer: it is the real one that looks at both clocks.
func (p *fakePortal) judged(ctx context.Context, c awscreds.Credential) (awscreds.Credential, error) {
	fields := map[string]any{"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "SessionToken": c.SessionToken}
	if !p.quiet {
		fields["Expiration"] = c.Expiry.At.Format(time.RFC3339)
	}
	if p.zoneless {
		fields["Expiration"] = c.Expiry.At.Add(9 * time.Hour).Format("2006-01-02T15:04:05")
	}
	if p.unreadable {
		fields["Expiration"] = "in a while"
	}
	if p.keyless {
		fields["AccessKeyId"], fields["SessionToken"] = "ASIA"+c.AccessKeyID[4:], nil
	}
	body, err := json.Marshal(map[string]any{"Credentials": fields})
	if err != nil {
		return awscreds.Credential{}, err
	}
	var date time.Time
	if !p.dateless {
		date = p.truth()
	}
	judged, bad := cap.Judge(200, "application/json", body, p.clock.Now(), date)
	if bad != nil {
		return awscreds.Credential{}, bad
	}
	return judged, ctx.Err()
}

// issue makes a credential that AWS knows. The caller holds the lock.
func (p *fakePortal) issue(role string) awscreds.Credential {
	expires := p.truth().Add(p.lifetime).Truncate(time.Second)
	c := awscreds.Credential{
		AccessKeyID: fmt.Sprintf("ASIA%012d", len(p.issued)+1), SecretAccessKey: fmt.Sprintf("secret-%d-%s", len(p.issued)+1, role),
		SessionToken: "token/+==", Expiry: awscreds.ToldExpiry(expires),
	}
	if p.tokenless {
		c.AccessKeyID, c.SessionToken = "AKIA"+c.AccessKeyID[4:], ""
	}
	p.issued[c.AccessKeyID], p.roles[c.AccessKeyID], p.last[role] = expires, role, c
	return c
}

// live says whether AWS accepts what is in a Secret.
func (p *fakePortal) live(s *corev1.Secret) bool {
	if s == nil {
		return false
	}
	c, err := awscreds.Parse(s.Data)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.issued[c.AccessKeyID].After(p.truth()) && c.SecretAccessKey == fmt.Sprintf("secret-%d-%s", number(c.AccessKeyID), p.roles[c.AccessKeyID])
}

// fakeSTS knows what AWS knows.
type fakeSTS struct {
	portal *fakePortal
	// away is true while it is unreachable.
	away  bool
	asked int
}

func (f *fakeSTS) Check(_ context.Context, c awscreds.Credential) (awscreds.STSResult, error) {
	f.portal.mu.Lock()
	defer f.portal.mu.Unlock()
	f.asked++
	ends, known := f.portal.issued[c.AccessKeyID]
	switch {
	case f.away:
		return awscreds.STSResult{Outcome: awscreds.STSUnknown}, errors.New("away")
	case !known:
		return awscreds.STSResult{Outcome: awscreds.STSRefused, Code: "InvalidClientTokenId"}, nil
	case !ends.After(f.portal.truth()):
		return awscreds.STSResult{Outcome: awscreds.STSRefused, Code: "ExpiredToken"}, nil
	}
	return awscreds.STSResult{Outcome: awscreds.STSAccepted}, nil
}

func number(accessKeyID string) int {
	n, _ := strconv.Atoi(accessKeyID[min(4, len(accessKeyID)):])
	return n
}

// fakeFacts is a cluster in mode Manual with the given requests.
type fakeFacts struct {
	requests []cluster.CredentialsRequest
	mode     cluster.CredentialsMode
	cronJobs []cluster.CronJob
	missing  map[string]bool
	// unknown is true while nothing can be read.
	unknown bool
}

func (f *fakeFacts) Requests() ([]cluster.CredentialsRequest, bool, error) {
	if f.unknown {
		return nil, false, nil
	}
	return f.requests, true, nil
}
func (f *fakeFacts) Mode() (cluster.CredentialsMode, error)        { return f.mode, nil }
func (f *fakeFacts) CronJobs() []cluster.CronJob                   { return f.cronJobs }
func (f *fakeFacts) HasNamespace(name string) (exists, known bool) { return !f.missing[name], true }

// request asks for credentials in a Secret.
func request(name string, secret types.NamespacedName) cluster.CredentialsRequest {
	return cluster.CredentialsRequest{Namespace: "openshift-cloud-credential-operator", Name: name, Secret: secret}
}
