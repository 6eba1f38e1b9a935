"""Dicts about as long as the bound on what is kept of a container: keys come and go at its edge."""


def edge():
    # Few lines: the state at each of them has all items.
    d = dict.fromkeys(range(9_998), 0)
    d["first"] = d["second"] = d["third"] = d["fourth"] = [1]
    d["third"].append(1); del d["fourth"]; del d[5]
    del d["third"]; d[6] = 6; del d[True]
    d["again"] = d; del d["again"], d["second"]; d["last"] = None
    return len(d)


def small():
    class Key(str):
        pass

    d = {Key("a"): 1, "b": 2, 3: [3], (4,): 4, float("nan"): 5}
    del d["a"]
    del d[3.0]
    del d["b"]
    d["b"] = 6
    del d[(4,)]
    d.update(b=7)
    del d["b"]
    return d


print(edge())
print(small())
