package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Patch implements client.Writer.
func (s *Server) Patch(_ context.Context, o client.Object, p client.Patch, opts ...client.PatchOption) error {
	return s.patch(o, p, "", (&client.PatchOptions{}).ApplyOptions(opts))
}

func (s *Server) patch(o client.Object, p client.Patch, subresource string, options *client.PatchOptions) error {
	body, err := p.Data(o)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.kindOf(o)
	if err != nil {
		return err
	}
	var after client.Object
	switch p.Type() {
	case types.MergePatchType:
		after, err = s.merge(k, o, body, subresource, options.FieldManager)
	case types.StrategicMergePatchType:
		after, err = s.mergeStrategically(k, o, body, subresource, options.FieldManager)
	case types.ApplyPatchType:
		after, err = s.apply(k, o, body, options.FieldManager, ptr.Deref(options.Force, false))
	default:
		err = errUnsupported
	}
	if err != nil {
		return err
	}
	copyInto(o, after)
	return nil
}

// merge is a merge patch.
func (s *Server) merge(k *kind, o client.Object, body []byte, subresource, manager string) (client.Object, error) {
	stored, err := s.find(k, client.ObjectKeyFromObject(o))
	if err != nil {
		return nil, err
	}
	after, err := merged(stored, body)
	if err != nil {
		return nil, err
	}
	if v := after.GetResourceVersion(); v != stored.GetResourceVersion() && v != "" {
		return nil, k.conflict(stored.GetName())
	}
	if subresource == "" && after.GetUID() != stored.GetUID() { // a patch of the status loses its metadata before anybody looks
		return nil, k.invalid(stored.GetName(), field.Invalid(field.NewPath("metadata", "uid"), after.GetUID(), "field is immutable"))
	}
	if after.GetName() != stored.GetName() {
		return nil, apierrors.NewBadRequest("the name of the object does not match the name on the URL")
	}
	return s.replace(k, stored, after, subresource, manager)
}

// mergeStrategically is a strategic merge patch, which differs from a merge patch in lists and directives.
func (s *Server) mergeStrategically(k *kind, o client.Object, body []byte, subresource, manager string) (client.Object, error) {
	if _, ok := o.(*corev1.Secret); !ok || bytes.ContainsAny(body, "[$") {
		return nil, errUnsupported
	}
	return s.merge(k, o, body, subresource, manager)
}

// merged is what a merge patch makes of an object.
func merged(stored client.Object, body []byte) (client.Object, error) {
	if _, ok := stored.(runtime.Unstructured); !ok {
		after := shallow(stored)
		if err := mergeInto(reflect.ValueOf(after).Elem(), body); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return after, nil
	}
	raw, err := json.Marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("encoding an object: %w", err)
	}
	if raw, err = jsonpatch.MergePatch(raw, body); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	after := (*kind)(nil).empty(stored)
	if err := json.Unmarshal(raw, after); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return after, nil
}

// apply is a server-side apply, which creates what does not exist.
func (s *Server) apply(k *kind, o client.Object, body []byte, manager string, force bool) (client.Object, error) {
	if k.custom {
		return nil, errUnsupported
	}
	var config map[string]any
	if err := json.Unmarshal(body, &config); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	var said struct {
		Metadata struct {
			UID             types.UID `json:"uid"`
			ResourceVersion string    `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	stored := k.objects[client.ObjectKeyFromObject(o)]
	if stored == nil {
		return s.applyNew(k, o, config, said.Metadata.UID, manager, force)
	}
	after, err := k.applied(stored, o, config, manager, force)
	if err != nil {
		return nil, err
	}
	if v := said.Metadata.ResourceVersion; v != "" && v != stored.GetResourceVersion() {
		return nil, k.conflict(stored.GetName())
	}
	if uid := said.Metadata.UID; uid != "" && uid != stored.GetUID() {
		return nil, k.invalid(stored.GetName(), field.Invalid(field.NewPath("metadata", "uid"), uid, "field is immutable"))
	}
	keepIdentity(stored, after)
	return s.settle(k, stored, after)
}

// applyNew creates an object by an apply.
func (s *Server) applyNew(k *kind, o client.Object, config map[string]any, uid types.UID, manager string, force bool) (client.Object, error) {
	if uid != "" {
		return nil, apierrors.NewConflict(k.resource, o.GetName(), fmt.Errorf("uid mismatch: the provided object specified uid %s, and no existing object was found", uid))
	}
	if err := s.checkNamespace(k, o); err != nil {
		return nil, err
	}
	made, err := k.applied(nil, o, config, manager, force)
	if err != nil {
		return nil, err
	}
	entries := made.GetManagedFields()
	s.identify(k, made)
	made.SetManagedFields(entries)
	complete(made)
	return s.insert(k, made)
}
