package ocm

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
)

const (
	// pageSize is the document's own default; an account has a handful of rotations, so a list is one request.
	pageSize = 100
	// maxPages limits a list that does not end.
	maxPages = 100
)

// page is AMS's List. Pointers distinguish missing from empty: an answer without items must not look like an account without rotations, because
// the next step would be to request one.
type page struct {
	Total *int               `json:"total"`
	Items *[]json.RawMessage `json:"items"`
}

// list reads all pages. A 204 is an empty list. decode reads one item and returns its id, by which an item that moved between pages during the
// read is kept once; otherwise it returns what is wrong with the item, without quoting it.
func list[T any](ctx context.Context, c *Client, call call, decode func(json.RawMessage) (item T, id, problem string)) ([]T, error) {
	call.accept = []int{http.StatusOK, http.StatusNoContent}
	query := call.query
	var items []T
	seen := map[string]bool{}
	for number := 1; number <= maxPages; number++ {
		call.query = append([]string{"page", strconv.Itoa(number), "size", strconv.Itoa(pageSize)}, query...)
		got, failure := c.send(ctx, call)
		if failure != nil {
			return nil, failure
		}
		if got.status == http.StatusNoContent {
			if len(items) > 0 {
				return nil, malformed(call, got.status, "the list ends before its stated total")
			}
			return nil, nil
		}
		page, problem := readPage(got.body)
		if problem != "" {
			return nil, malformed(call, got.status, problem)
		}
		for _, raw := range *page.Items {
			item, id, problem := decode(raw)
			if problem != "" {
				return nil, malformed(call, got.status, problem)
			}
			if !seen[id] {
				seen[id] = true
				items = append(items, item)
			}
		}
		switch {
		case page.Total != nil && len(items) >= *page.Total:
			return items, nil
		case page.Total == nil && len(*page.Items) < pageSize:
			return items, nil
		case len(*page.Items) == 0:
			return nil, malformed(call, got.status, "the list ends before its stated total")
		}
	}
	return nil, malformed(call, http.StatusOK, "the list does not end")
}

// firstPage reads the first items of a list, and how many the list has.
func firstPage[T any](ctx context.Context, c *Client, call call, size int, decode func(json.RawMessage) (item T, id, problem string)) (items []T, total int, err error) {
	call.accept = []int{http.StatusOK, http.StatusNoContent}
	call.query = append([]string{"page", "1", "size", strconv.Itoa(size)}, call.query...)
	got, failure := c.send(ctx, call)
	if failure != nil {
		return nil, 0, failure
	}
	if got.status == http.StatusNoContent {
		return nil, 0, nil
	}
	page, problem := readPage(got.body)
	if problem != "" {
		return nil, 0, malformed(call, got.status, problem)
	}
	for _, raw := range *page.Items {
		item, _, problem := decode(raw)
		if problem != "" {
			return nil, 0, malformed(call, got.status, problem)
		}
		items = append(items, item)
	}
	if total = len(items); page.Total != nil {
		total = *page.Total
	}
	if total < len(items) || total > 0 && len(items) == 0 {
		return nil, 0, malformed(call, got.status, "its total does not fit its items")
	}
	return items, total, nil
}

// readPage reads one page; problem says what is wrong with it. A list of nothing may leave its items out.
func readPage(body []byte) (p page, problem string) {
	switch {
	case json.Unmarshal(body, &p) != nil:
		return p, "it is not a list"
	case p.Items == nil && p.Total != nil && *p.Total == 0:
		p.Items = &[]json.RawMessage{}
	case p.Items == nil:
		return p, "the list has no items"
	}
	return p, ""
}
