// Package secretwatch watches single Secrets by name. RBAC's resourceNames authorise a list and a watch with a metadata.name field selector, so
// the operator needs no right to read other Secrets, and its memory does not grow with them. Many Secrets of one name share a watch of that
// name in all namespaces, where the rights allow it.
package secretwatch

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
)

// maxOpening is how many lists and watches are opened at once: a restart with a thousand Secrets takes a few seconds and leaves capacity of the
// API server to others.
const maxOpening = 16

// Watcher watches the Secrets that its callers name. It is a manager.Runnable; Secrets named before it starts are watched from its start.
type Watcher struct {
	client corev1client.SecretsGetter
	opts   objectwatch.Options

	mu       sync.Mutex
	ctx      context.Context // of Start; nil before
	entries  map[types.NamespacedName]*entry
	groups   map[string]*group // by the name of their Secrets
	owners   map[string]map[types.NamespacedName]bool
	handlers []func(types.NamespacedName)
}

// New makes a Watcher. It has its own connection without a client-side rate limit, which would delay a thousand watches by minutes; maxOpening
// bounds it instead.
func New(config *rest.Config, opts objectwatch.Options) (*Watcher, error) {
	own := rest.CopyConfig(config)
	own.QPS, own.Burst, own.RateLimiter = -1, -1, nil
	// A watch that is compressed keeps 40 KiB for what it may have to unpack.
	own.DisableCompression = true
	client, err := corev1client.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client for single Secrets: %w", err)
	}
	return NewForClient(client, opts), nil
}

// NewForClient is New with an existing client.
func NewForClient(client corev1client.SecretsGetter, opts objectwatch.Options) *Watcher {
	if opts.Gate == nil {
		opts.Gate = make(chan struct{}, maxOpening)
	}
	return &Watcher{
		client: client, opts: opts,
		entries: map[types.NamespacedName]*entry{}, groups: map[string]*group{}, owners: map[string]map[types.NamespacedName]bool{},
	}
}

// Start watches until ctx ends.
func (w *Watcher) Start(ctx context.Context) error {
	w.mu.Lock()
	w.ctx = ctx
	for name := range w.groups {
		w.arrange(name)
	}
	w.mu.Unlock()
	<-ctx.Done()
	return nil
}

// NeedLeaderElection is false: a standby watches the Secrets too, so that it knows them when it becomes the leader.
func (w *Watcher) NeedLeaderElection() bool { return false }

// Watch sets the complete list of Secrets for owner (any unique name): new ones are watched from now on, and those that no owner names any more
// are forgotten.
func (w *Watcher) Watch(owner string, refs ...types.NamespacedName) {
	wanted := make(map[types.NamespacedName]bool, len(refs))
	for _, ref := range refs {
		wanted[ref] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.owners[owner]
	added := map[string]bool{}
	for ref := range wanted {
		if !before[ref] && w.add(ref) {
			added[ref.Name] = true
		}
	}
	for ref := range before {
		if !wanted[ref] {
			w.remove(ref)
		}
	}
	for name := range added {
		w.arrange(name)
	}
	if w.owners[owner] = wanted; len(wanted) == 0 {
		delete(w.owners, owner)
	}
}

// add counts one more owner of a Secret, and returns whether it is the first. The caller holds the lock.
func (w *Watcher) add(ref types.NamespacedName) (first bool) {
	e, ok := w.entries[ref]
	if !ok {
		e = &entry{watcher: w, ref: ref}
		w.entries[ref] = e
		w.join(e)
	}
	e.owners++
	return !ok
}

// remove counts one owner less. The caller holds the lock.
func (w *Watcher) remove(ref types.NamespacedName) {
	e := w.entries[ref]
	if e.owners--; e.owners == 0 {
		delete(w.entries, ref)
		w.leave(e)
	}
}

// Forget ends an owner's interest.
func (w *Watcher) Forget(owner string) { w.Watch(owner) }

// Get returns a Secret as last seen. synced is false if its state is unknown: it is not watched, not read yet, or cannot be read (see Err). The
// Secret must not be changed. It is nil, and found, if a note is kept of it.
func (w *Watcher) Get(namespace, name string) (secret *corev1.Secret, found, synced bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.entries[types.NamespacedName{Namespace: namespace, Name: name}]
	if !ok || !e.synced || e.err != nil {
		return nil, false, false
	}
	return e.secret, e.version != "", true
}

// Note keeps a note instead of a Secret that Get has answered, until it changes: of a thousand Secrets their contents need not stay in
// memory. One that has changed meanwhile stays.
func (w *Watcher) Note(secret *corev1.Secret, note any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, ok := w.entries[types.NamespacedName{Namespace: secret.Namespace, Name: secret.Name}]; ok && e.secret == secret {
		e.secret, e.note = nil, note
	}
}

// Noted answers the note of a Secret as it is; nil where there is none.
func (w *Watcher) Noted(namespace, name string) any {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, ok := w.entries[types.NamespacedName{Namespace: namespace, Name: name}]; ok && e.synced && e.err == nil {
		return e.note
	}
	return nil
}

// Err says why a Secret cannot be read; nil if it can be, or if that is not known yet. It never holds content.
func (w *Watcher) Err(namespace, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, ok := w.entries[types.NamespacedName{Namespace: namespace, Name: name}]; ok {
		return e.err
	}
	return nil
}

// Observe takes a Secret that the caller has just written or read, so that the next Get returns nothing older. The watch's event for the same
// change is then ignored.
func (w *Watcher) Observe(secret *corev1.Secret) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, ok := w.entries[types.NamespacedName{Namespace: secret.Namespace, Name: secret.Name}]; ok {
		if !e.take(secret) && e.version != "" && older(secret.ResourceVersion, e.version) {
			// Most likely the watch was quicker. But after a restore of etcd it is silent for long: a list tells which.
			w.restart(e)
		}
	}
}

// restart restarts the loop of an entry, with a list, unless a shared one is about to list anyway. The caller holds the lock.
func (w *Watcher) restart(e *entry) {
	g := w.groups[e.ref.Name]
	switch {
	case e.cancel != nil:
		e.stop()
		w.run(e)
	case g.shared != nil && g.shared.listed:
		w.share(e.ref.Name, g)
	}
}

// Source enqueues requests for each Secret that was created, changed, deleted or became (un)readable; requests maps the Secret to them.
func (w *Watcher) Source(requests func(types.NamespacedName) []reconcile.Request) source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		w.OnChange(func(ref types.NamespacedName) {
			for _, r := range requests(ref) {
				queue.Add(r)
			}
		})
		return nil
	})
}

// OnChange calls f for each change from now on. f must not block, and must not call the Watcher before it returns.
func (w *Watcher) OnChange(f func(types.NamespacedName)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers = append(w.handlers, f)
}

// run starts the loop of an entry. The caller holds the lock.
func (w *Watcher) run(e *entry) {
	secrets := w.client.Secrets(e.ref.Namespace)
	e.cancel = w.loop(e.ref, e,
		func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return secrets.List(ctx, o) }, secrets.Watch)
}

// loop starts to watch a name, in all namespaces if ref has none. The caller holds the lock.
func (w *Watcher) loop(ref types.NamespacedName, sink objectwatch.Sink, list func(context.Context, metav1.ListOptions) (runtime.Object, error),
	open func(context.Context, metav1.ListOptions) (watch.Interface, error)) context.CancelFunc {
	ctx, cancel := context.WithCancel(w.ctx)
	go objectwatch.Run(ctx, objectwatch.Source{
		Client:        w.client,
		Name:          ref.String(),
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, ref.Name).String(),
		List:          list,
		Watch:         open,
	}, sink, w.opts)
	return cancel
}

func (w *Watcher) notify(ref types.NamespacedName) {
	w.mu.Lock()
	handlers := w.handlers
	w.mu.Unlock()
	for _, f := range handlers {
		f(ref)
	}
}
