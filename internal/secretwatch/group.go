package secretwatch

import (
	"context"
	"errors"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// sharedFrom is how many namespaces with a watched Secret of one name make it worth one watch of that name in all namespaces. Each
// watch costs the operator and the API server tens of KiB and goroutines. With fewer, what the shared one brings of other namespaces'
// Secrets of that name could be more than it saves.
const sharedFrom = 8

// group is the watched Secrets of one name. Its fields are guarded by the Watcher's lock.
type group struct {
	// members by namespace.
	members map[string]*entry
	// shared watches all of them; nil while each is watched alone.
	shared *shared
	// refused is true once a shared watch was refused by the API server, because the name is granted in single namespaces only, or was
	// crowded with Secrets of others.
	refused bool
}

// join adds an entry to the group of its name. The caller holds the lock.
func (w *Watcher) join(e *entry) {
	g := w.groups[e.ref.Name]
	if g == nil {
		g = &group{members: map[string]*entry{}}
		w.groups[e.ref.Name] = g
	}
	g.members[e.ref.Namespace] = e
}

// leave ends the watch of an entry, unless others share it. The caller holds the lock.
func (w *Watcher) leave(e *entry) {
	e.stop()
	g := w.groups[e.ref.Name]
	delete(g.members, e.ref.Namespace)
	if len(g.members) == 0 {
		g.unshare()
		delete(w.groups, e.ref.Name)
	}
}

// arrange watches the members of a name's group, once Start has been called: together if that is worth it, and else each alone. The caller holds
// the lock.
func (w *Watcher) arrange(name string) {
	g := w.groups[name]
	switch {
	case w.ctx == nil || g == nil:
	case !g.refused && (g.shared != nil || len(g.members) >= sharedFrom):
		w.share(name, g) // anew for a further member
	default:
		for _, e := range g.members {
			if e.cancel == nil {
				w.run(e)
			}
		}
	}
}

// share starts a shared watch, which begins with what is there now. The caller holds the lock.
func (w *Watcher) share(name string, g *group) {
	g.unshare()
	for _, e := range g.members {
		e.stop()
	}
	g.shared = &shared{watcher: w, name: name, members: maps.Clone(g.members)}
	g.shared.cancel = w.loop(types.NamespacedName{Name: name}, g.shared, g.shared.list, g.shared.watch)
}

// unshare ends the shared watch. The caller holds the lock.
func (g *group) unshare() {
	if g.shared != nil {
		g.shared.cancel()
		g.shared.ended = true
		g.shared = nil
	}
}

// shared is the sink of one watch of a name in all namespaces. What it brings of other namespaces is dropped at once.
type shared struct {
	watcher *Watcher
	name    string
	cancel  context.CancelFunc
	// members do not change: a further one starts another watch.
	members map[string]*entry
	// listed is true once it has been told what is there; ended once it no longer counts. These and foreign are guarded by the Watcher's lock.
	listed, ended bool
	// foreign counts the Secrets of others that it has brought since it was last opened.
	foreign int
}

// pageSize bounds what a list holds in memory at once, because anybody with a namespace can create a large Secret of that name.
const pageSize = 50

var errCrowded = errors.New("there are more Secrets of this name in other namespaces than in those that are watched")

// list lists the members, in small pages and always the newest state.
func (s *shared) list(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	if o.Limit = pageSize; o.Continue == "" {
		o.ResourceVersion, o.ResourceVersionMatch = "", ""
		s.opened()
	}
	list, err := s.watcher.client.Secrets(metav1.NamespaceAll).List(ctx, o)
	if err != nil {
		return nil, err
	}
	all := len(list.Items)
	list.Items = slices.DeleteFunc(list.Items, func(o corev1.Secret) bool { return s.members[o.Namespace] == nil })
	if s.crowded(all - len(list.Items)) {
		return nil, errCrowded
	}
	return list, nil
}

// watch watches, and drops what is not about a member.
func (s *shared) watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	s.opened()
	events, err := s.watcher.client.Secrets(metav1.NamespaceAll).Watch(ctx, o)
	if err != nil {
		return nil, err
	}
	return watch.Filter(events, s.kept), nil
}

// kept is true for an event about a member, or about none.
func (s *shared) kept(e watch.Event) (watch.Event, bool) {
	secret, ok := e.Object.(*corev1.Secret)
	if !ok || e.Type == watch.Bookmark || s.members[secret.Namespace] != nil {
		return e, true
	}
	s.crowded(1)
	return e, false
}

func (s *shared) opened() {
	s.watcher.mu.Lock()
	defer s.watcher.mu.Unlock()
	s.foreign = 0
}

// crowded counts Secrets of others. Once they are more than the members, each member is watched alone: others must not decide what the operator
// has to read.
func (s *shared) crowded(more int) bool {
	s.watcher.mu.Lock()
	defer s.watcher.mu.Unlock()
	if s.foreign += more; s.foreign <= len(s.members) {
		return false
	}
	s.refuse()
	return true
}

// refuse ends it for good, and watches each member alone. The caller holds the lock.
func (s *shared) refuse() {
	if g := s.watcher.groups[s.name]; g != nil && !s.ended {
		g.unshare()
		g.refused = true
		s.watcher.arrange(s.name)
	}
}

// change applies f to each member, and notifies of those for which it is true.
func (s *shared) change(f func(e *entry) bool) {
	var news []types.NamespacedName
	s.watcher.mu.Lock()
	for _, e := range s.members {
		if !s.ended && f(e) {
			news = append(news, e.ref)
		}
	}
	s.watcher.mu.Unlock()
	for _, ref := range news {
		s.watcher.notify(ref)
	}
}

// changeOf applies f to the member that an object is of.
func (s *shared) changeOf(object runtime.Object, f func(e *entry) bool) {
	o, ok := object.(metav1.Object)
	if !ok {
		return
	}
	if e := s.members[o.GetNamespace()]; e != nil {
		e.change(func() bool { return !s.ended && f(e) })
	}
}

// Listing implements objectwatch.Historian.
func (s *shared) Listing() { s.change(func(e *entry) bool { e.noteListing(); return false }) }

// Listed implements objectwatch.Historian.
func (s *shared) Listed(version string) {
	s.change(func(e *entry) bool { e.noteListed(version); return false })
}

// Replace takes the result of a list.
func (s *shared) Replace(objects []runtime.Object) {
	there := make(map[string]runtime.Object, len(objects))
	for _, o := range objects {
		if named, ok := o.(metav1.Object); ok {
			there[named.GetNamespace()] = o
		}
	}
	s.change(func(e *entry) bool {
		s.listed = true
		return e.replace(there[e.ref.Namespace])
	})
}

// Put takes a new state of a Secret.
func (s *shared) Put(object runtime.Object) {
	s.changeOf(object, func(e *entry) bool { return e.put(object) })
}

// Delete takes the deletion of a Secret.
func (s *shared) Delete(object runtime.Object) {
	s.changeOf(object, func(e *entry) bool { return e.remove(object) })
}

// Failed records that the Secrets cannot be read. A missing right is that to read the name in all namespaces: each Secret's own watch
// finds out whether it can be read.
func (s *shared) Failed(err error) {
	if !apierrors.IsForbidden(err) {
		s.change(func(e *entry) bool { return e.fail(err) })
		return
	}
	s.watcher.mu.Lock()
	defer s.watcher.mu.Unlock()
	s.refuse()
}
