package plan

import (
	"encoding/json"
	"fmt"
)

// node is a JSON value that remembers where it stood.
type node struct {
	at   int64
	kind byte // o a s n b z: object, array, string, number, bool, null
	str  string
	keys []string
	kids []*node
}

func (n *node) get(key string) *node {
	if n == nil || n.kind != 'o' {
		return nil
	}
	for i, k := range n.keys {
		if k == key {
			return n.kids[i]
		}
	}
	return nil
}

func kindName(k byte) string {
	return map[byte]string{'o': "an object", 'a': "a list", 's': "a string", 'n': "a number", 'b': "true or false", 'z': "null"}[k]
}

func parseNode(dec *json.Decoder, depth int) (*node, error) {
	if depth > 64 {
		return nil, fmt.Errorf("nested too deeply")
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	n := &node{at: dec.InputOffset()}
	switch v := tok.(type) {
	case json.Delim:
		n.at--
		if v == '{' {
			n.kind = 'o'
			for dec.More() {
				k, err := dec.Token()
				if err != nil {
					return nil, err
				}
				kid, err := parseNode(dec, depth+1)
				if err != nil {
					return nil, err
				}
				n.keys = append(n.keys, k.(string))
				n.kids = append(n.kids, kid)
			}
		} else {
			n.kind = 'a'
			for dec.More() {
				kid, err := parseNode(dec, depth+1)
				if err != nil {
					return nil, err
				}
				n.kids = append(n.kids, kid)
			}
		}
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
	case string:
		n.kind, n.str = 's', v
	case json.Number:
		n.kind, n.str = 'n', v.String()
	case bool:
		n.kind = 'b'
	case nil:
		n.kind = 'z'
	}
	return n, nil
}

func asSyntax(err error, out **json.SyntaxError) bool {
	s, ok := err.(*json.SyntaxError)
	if ok {
		*out = s
	}
	return ok
}
