package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// silent is an API server that does not answer.
type silent struct{ client.Reader }

func (silent) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("no answer")
}

// What could not be read is named as people know it, not as Go does.
func TestReadFacts_NamesTheKindThatCannotBeRead(t *testing.T) {
	_, err := ReadFacts(t.Context(), silent{})
	if err == nil || !strings.HasPrefix(err.Error(), "reading the ClusterVersion version: ") {
		t.Errorf("got %v", err)
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "APIServer"})
	if got := kind(u); got != "APIServer" {
		t.Errorf("got %s", got)
	}
	if got := kind(&metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: "Proxy"}}); got != "Proxy" {
		t.Errorf("got %s", got)
	}
}
