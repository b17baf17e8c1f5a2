//! What many have, by whose it is and by when it came, and who of them has most.
//!
//! It decides nothing: who has to go, its users say.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
};

/// Things of owners. An owner of nothing is forgotten.
pub(crate) struct Crowd<K, V> {
    owners: HashMap<K, BTreeMap<u64, V>>,
    /// Every owner behind how much he has, so that who has most is found at once however many there are.
    sizes: BTreeSet<(usize, K)>,
}

impl<K, V> Default for Crowd<K, V> {
    fn default() -> Self {
        Self { owners: HashMap::new(), sizes: BTreeSet::new() }
    }
}

impl<K: Clone + Hash + Ord, V> Crowd<K, V> {
    /// One more of this owner's, which came at this point.
    pub(crate) fn insert(&mut self, owner: K, came: u64, thing: V) {
        let own = self.owners.entry(owner.clone()).or_default();
        let before = own.len();
        own.insert(came, thing);
        let after = own.len();
        self.resize(owner, before, after);
    }

    /// Takes one away.
    pub(crate) fn remove<Q>(&mut self, owner: &Q, came: u64) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let own = self.owners.get_mut(owner)?;
        let thing = own.remove(&came)?;
        let left = own.len();
        if left == 0 {
            self.owners.remove(owner);
        }
        self.resize(owner.to_owned(), left + 1, left);
        Some(thing)
    }

    fn resize(&mut self, owner: K, before: usize, after: usize) {
        let sized = (before, owner);
        self.sizes.remove(&sized);
        if after > 0 {
            self.sizes.insert((after, sized.1));
        }
    }

    /// What this owner has.
    pub(crate) fn of<Q: Hash + Eq + ?Sized>(&self, owner: &Q) -> Option<&BTreeMap<u64, V>>
    where
        K: Borrow<Q>,
    {
        self.owners.get(owner)
    }

    /// How much this owner has.
    pub(crate) fn count<Q: Hash + Eq + ?Sized>(&self, owner: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.of(owner).map_or(0, BTreeMap::len)
    }

    /// How much the owner has who has most, and who that is.
    pub(crate) fn largest(&self) -> Option<&(usize, K)> {
        self.sizes.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_most_is_known_whatever_comes_and_goes() {
        let mut crowd = Crowd::<String, char>::default();
        for (came, (owner, thing)) in
            [("ana", 'a'), ("bo", 'b'), ("bo", 'c'), ("ana", 'd'), ("bo", 'e')].iter().enumerate()
        {
            crowd.insert((*owner).to_owned(), came as u64, *thing);
        }
        assert_eq!((crowd.largest(), crowd.count("ana")), (Some(&(3, "bo".to_owned())), 2));
        assert_eq!((crowd.remove("bo", 1), crowd.remove("bo", 1), crowd.remove("bo", 2)), (Some('b'), None, Some('c')));
        assert_eq!(crowd.largest(), Some(&(2, "ana".to_owned())));
        assert_eq!(crowd.of("bo").and_then(BTreeMap::first_key_value), Some((&4, &'e')));
        for (owner, came) in [("bo", 4), ("ana", 0), ("ana", 3)] {
            assert!(crowd.remove(owner, came).is_some());
        }
        assert!(crowd.largest().is_none() && crowd.owners.is_empty() && crowd.sizes.is_empty());
    }
}
