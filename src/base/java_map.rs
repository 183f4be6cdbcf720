//! The order in which `java.util.HashMap` answers its entries: by bucket of a table that doubles when it is three quarters full,
//! within a bucket as inserted. Keycloak's tokens, events and refusals stand in it, and clients compare them as text.

/// `String.hashCode` (over UTF-16 units, wrapping) spread as `HashMap` does it; the lowest bits choose the bucket.
pub fn spread_hash(text: &str) -> u32 {
    let hash = text.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    hash ^ (hash >> 16)
}

/// The buckets of a table with that many entries.
pub const fn table_size(entries: usize) -> u32 {
    let mut size = 16_u32;
    while entries * 4 > size as usize * 3 {
        size *= 2;
    }
    size
}

/// Where a table of `size` buckets keeps `key`.
pub fn bucket(key: &str, size: u32) -> u32 {
    spread_hash(key) & (size - 1)
}

/// Sorts entries by their names, into the order of a map that got them in this one.
pub fn sort<T>(entries: &mut [T], name: impl Fn(&T) -> &str) {
    let size = table_size(entries.len());
    entries.sort_by_cached_key(|entry| bucket(name(entry), size));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_java() {
        // "Aa" and "BB" are the classic collision of String.hashCode: both 2112.
        assert_eq!(spread_hash("Aa"), 2112);
        assert_eq!(spread_hash("BB"), 2112);
        assert_eq!(spread_hash(""), 0);
    }

    #[test]
    fn a_table_doubles_when_it_is_three_quarters_full() {
        assert_eq!([0, 12, 13, 24, 25].map(table_size), [16, 16, 32, 32, 64]);
    }
}
