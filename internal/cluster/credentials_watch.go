package cluster

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
)

var (
	credentialsRequestsResource = schema.GroupVersionResource{Group: "cloudcredential.openshift.io", Version: "v1", Resource: "credentialsrequests"}
	cloudCredentialsResource    = schema.GroupVersionResource{Group: "operator.openshift.io", Version: "v1", Resource: "cloudcredentials"}
	configMapsResource          = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	cronJobsResource            = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}
	namespacesResource          = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// CredentialsWatch watches what a set of credentials depends on in the cluster: the CredentialsRequests, the cloud-credential-operator's mode,
// cap-token-refresh's CronJob, and which namespaces exist. A kind that the cluster lacks counts as empty, and is checked for again. It is a
// manager.Runnable, and stores only the few fields that it needs.
type CredentialsWatch struct {
	dynamic  dynamic.Interface
	metadata metadata.Interface
	opts     objectwatch.Options

	requests, modes, legacy, cronJobs, namespaces *objects

	mu       sync.Mutex
	handlers []func(namespace string)
}

// NewCredentialsWatch makes one.
func NewCredentialsWatch(config *rest.Config, opts objectwatch.Options) (*CredentialsWatch, error) {
	own := unlimited(config)
	dynamicClient, err := dynamic.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client for CredentialsRequests: %w", err)
	}
	metadataClient, err := metadata.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client for namespaces: %w", err)
	}
	return NewCredentialsWatchForClients(dynamicClient, metadataClient, opts), nil
}

// unlimited is for the five watches, which are opened at once.
func unlimited(config *rest.Config) *rest.Config {
	own := rest.CopyConfig(config)
	own.QPS, own.Burst, own.RateLimiter = -1, -1, nil
	return own
}

// NewCredentialsWatchForClients is NewCredentialsWatch with existing clients.
func NewCredentialsWatchForClients(dynamicClient dynamic.Interface, metadataClient metadata.Interface, opts objectwatch.Options) *CredentialsWatch {
	w := &CredentialsWatch{dynamic: dynamicClient, metadata: metadataClient, opts: opts}
	w.requests = w.keep(func(o runtime.Object) (any, bool) { return keepUnstructured(o, ParseCredentialsRequest) })
	w.cronJobs = w.keep(func(o runtime.Object) (any, bool) { return keepUnstructured(o, parseCronJob) })
	w.modes = w.keep(func(o runtime.Object) (any, bool) {
		return keepUnstructured(o, func(u *unstructured.Unstructured) (string, bool) {
			mode, _, _ := unstructured.NestedString(u.Object, "spec", "credentialsMode")
			return mode, true
		})
	})
	w.legacy = w.keep(func(o runtime.Object) (any, bool) {
		return keepUnstructured(o, func(u *unstructured.Unstructured) (bool, bool) {
			disabled, _, _ := unstructured.NestedString(u.Object, "data", "disabled")
			return disabled == "true", true
		})
	})
	w.namespaces = w.keep(func(o runtime.Object) (any, bool) {
		m, err := meta.Accessor(o)
		// Nothing can be created in a namespace that is going away.
		return struct{}{}, err == nil && m.GetDeletionTimestamp() == nil
	})
	w.namespaces.changed = w.tell
	return w
}

// Start watches until ctx ends.
func (w *CredentialsWatch) Start(ctx context.Context) error {
	byName := func(name string) string { return fields.OneTermEqualSelector(metav1.ObjectNameField, name).String() }
	var wait sync.WaitGroup
	for _, f := range []struct {
		of        *objects
		resource  schema.GroupVersionResource
		namespace string
		selector  string
	}{
		{w.requests, credentialsRequestsResource, "", ""},
		{w.modes, cloudCredentialsResource, "", byName("cluster")},
		{w.legacy, configMapsResource, legacyModeNamespace, byName(legacyModeName)},
		{w.cronJobs, cronJobsResource, "", byName(legacyCronJobName)},
	} {
		client := w.dynamic.Resource(f.resource).Namespace(f.namespace)
		wait.Go(func() {
			objectwatch.Run(ctx, objectwatch.Source{
				Client: w.dynamic, Name: f.resource.Resource, FieldSelector: f.selector,
				List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
					return client.List(ctx, o)
				},
				Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
					return client.Watch(ctx, o)
				},
			}, f.of, w.opts)
		})
	}
	namespaces := w.metadata.Resource(namespacesResource)
	wait.Go(func() {
		objectwatch.Run(ctx, objectwatch.Source{
			Client: w.metadata, Name: namespacesResource.Resource,
			List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return namespaces.List(ctx, o)
			},
			Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				return namespaces.Watch(ctx, o)
			},
		}, w.namespaces, w.opts)
	})
	wait.Wait()
	return nil
}

// NeedLeaderElection is false: a replica that becomes the leader knows the cluster already.
func (w *CredentialsWatch) NeedLeaderElection() bool { return false }

// OnChange calls f, which must not block, whenever a result of the methods below may have changed. If only a namespace was created or deleted, f
// gets its name; otherwise the name is empty.
func (w *CredentialsWatch) OnChange(f func(namespace string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers = append(w.handlers, f)
}

// Requests are the AWS CredentialsRequests by namespace and name. known is false until they have been read; err says why they cannot be read. A
// cluster without the kind has none.
func (w *CredentialsWatch) Requests() (requests []CredentialsRequest, known bool, err error) {
	kept, known, err := w.requests.all()
	for _, v := range kept {
		requests = append(requests, v.(CredentialsRequest))
	}
	sortRequests(requests)
	return requests, known, err
}

// Mode is the mode of the cloud-credential-operator. err says why it cannot be read.
func (w *CredentialsWatch) Mode() (CredentialsMode, error) {
	modes, modeKnown, err := w.modes.all()
	if err != nil {
		return CredentialsMode{}, err
	}
	legacy, legacyKnown, err := w.legacy.all()
	if err != nil {
		return CredentialsMode{}, err
	}
	m := CredentialsMode{Known: modeKnown && legacyKnown, Installed: len(modes) > 0}
	for _, v := range modes {
		m.Mode = v.(string)
	}
	for _, v := range legacy {
		m.LegacyDisabled = v.(bool)
	}
	return m, nil
}

// CronJobs are the cap-token-refresh CronJobs that are not suspended. Errors are ignored: the CronJobs only cause a warning.
func (w *CredentialsWatch) CronJobs() []CronJob {
	kept, _, _ := w.cronJobs.all()
	var jobs []CronJob
	for _, v := range kept {
		jobs = append(jobs, v.(CronJob))
	}
	return jobs
}

// HasNamespace is true if a namespace exists and is not being deleted. known is false until the namespaces have been read, and if the operator
// may not read them.
func (w *CredentialsWatch) HasNamespace(name string) (exists, known bool) {
	return w.namespaces.has(name)
}

func (w *CredentialsWatch) keep(parse func(runtime.Object) (any, bool)) *objects {
	return &objects{parse: parse, kept: map[string]any{}, changed: func(string) { w.tell("") }}
}

func (w *CredentialsWatch) tell(namespace string) {
	w.mu.Lock()
	handlers := w.handlers
	w.mu.Unlock()
	for _, f := range handlers {
		f(namespace)
	}
}

func keepUnstructured[T any](o runtime.Object, parse func(*unstructured.Unstructured) (T, bool)) (any, bool) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, false
	}
	return parse(u)
}

// isAbsent is true if the API server lacks the kind.
func isAbsent(err error) bool { return apierrors.IsNotFound(err) || meta.IsNoMatchError(err) }
