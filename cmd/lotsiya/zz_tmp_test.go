package main

import "sync"

var keepStop func()

func init() {
	demoRegion = sync.OnceValue(func() *region {
		r := &region{url: "http://127.0.0.1:8191", signIns: map[string][2]string{}}
		for _, x := range []string{"teacher", "methodist", "manager", "head"} {
			r.signIns[x] = [2]string{x, "lotsiya-demo"}
		}
		r.browser, keepStop, r.err = startBrowser()
		return r
	})
}
