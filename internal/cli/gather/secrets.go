package gather

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

var secretsResource = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// secretsOf writes the metadata of the Secrets that the objects name: who wrote which fields and when. It requests only metadata, so that no
// content is transferred.
func (g *gatherer) secretsOf(ctx context.Context, objects []map[string]any) error {
	named := map[types.NamespacedName]bool{{Namespace: "openshift-config", Name: "pull-secret"}: true}
	for _, o := range objects {
		references(o["spec"], named)
		references(o["status"], named)
	}
	for _, name := range slices.SortedFunc(maps.Keys(named), func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) }) {
		o, err := g.secrets.Resource(secretsResource).Namespace(name.Namespace).Get(ctx, name.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			g.miss("Secret "+name.String(), errNotThere)
			continue
		}
		if err != nil {
			g.miss("Secret "+name.String(), err)
			continue
		}
		if err := g.secret(o); err != nil {
			return err
		}
	}
	return ctx.Err()
}

type notThere struct{}

func (notThere) Error() string { return "there is none" }

var errNotThere = notThere{}

// secret writes the metadata of a Secret. It writes only the names of foreign annotations, whose values may be anything.
func (g *gatherer) secret(o *metav1.PartialObjectMetadata) error {
	for name := range o.Annotations {
		if group, _, _ := strings.Cut(name, "/"); group != ownGroup {
			o.Annotations[name] = "(not shown)"
		}
	}
	raw, err := yaml.Marshal(map[string]any{
		"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": o.ObjectMeta,
	})
	if err != nil {
		return err
	}
	return g.write(path.Join("namespaces", o.Namespace, "secrets-metadata", o.Name+".yaml"), raw)
}

// references finds everything with a namespace and a name, at any depth.
func references(value any, found map[types.NamespacedName]bool) {
	switch v := value.(type) {
	case map[string]any:
		namespace, _ := v["namespace"].(string)
		name, _ := v["name"].(string)
		if namespace != "" && name != "" && v["kind"] == nil {
			found[types.NamespacedName{Namespace: namespace, Name: name}] = true
		}
		for _, inner := range v {
			references(inner, found)
		}
	case []any:
		for _, inner := range v {
			references(inner, found)
		}
	}
}
